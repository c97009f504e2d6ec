import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { runSideBySide } from "./main.ts";
import { verdictOf } from "./jobs.ts";
import { countsIn, type Result, summaryOf } from "./run_job.ts";

Deno.test("verdictOf() distinguishes an unreachable registry from a known vulnerability", () => {
  const offline =
    "error: error sending request for url (…/advisories/bulk): client error (Connect)\n\nCaused by:\n    0: …";
  const mirror = "error: Failed to deserialize response from the npm registry API\n\nCaused by:\n    expected ident";
  strictEqual(verdictOf(false, offline), "not asked");
  strictEqual(verdictOf(false, mirror), "not asked");
  strictEqual(verdictOf(false, "╭ a package\n│ Severity: high\nFound 1 vulnerabilities"), "vulnerable");
  strictEqual(verdictOf(true, "No known vulnerabilities found"), "sound");
});

Deno.test("verdictOf() reports a vulnerability or an unknown failure, whatever else the output says", () => {
  const advisory = "│ a client that ends with error: error sending request for url\n│ Severity: high\n";
  strictEqual(verdictOf(false, advisory), "vulnerable");
  strictEqual(verdictOf(false, `${advisory}Found 1 vulnerabilities\nerror: error sending request`), "vulnerable");
  strictEqual(verdictOf(false, "error: Unable to open the lock: dns error"), "vulnerable");
  strictEqual(verdictOf(false, ""), "vulnerable");
});

const well: Result = { title: "tests", verdict: "ok", passed: 7, failed: 0, seconds: 1, output: "" };
const bad: Result = { ...well, title: "faults/killed", verdict: "FAILED", passed: 2, failed: 1, output: "it broke" };
const types: Result = { ...well, title: "types", verdict: "FAILED", passed: 0 };
const unasked: Result = { ...well, title: "known vulnerabilities", verdict: "not checked", passed: 0 };

function lastLinesOf(...args: Parameters<typeof summaryOf>): [string[], number] {
  const { text, status } = summaryOf(...args);
  return [text.split("\n").slice(-2), status];
}

Deno.test("summaryOf() reports success only when every job passed", () => {
  deepStrictEqual(lastLinesOf([well, well]), [["All checks passed.", "14 passed, 0 failed"], 0]);
  deepStrictEqual(lastLinesOf([well, unasked]), [["All other checks passed.", "7 passed, 0 failed"], 0]);
  deepStrictEqual(summaryOf([{ ...well, passed: 0 }]), { text: "All checks passed.", status: 0 });
  match(summaryOf([well, unasked]).text, /^Not checked: known vulnerabilities\.$/m);
});

Deno.test("summaryOf() names each failed job with its output, and counts at least one failure", () => {
  deepStrictEqual(lastLinesOf([well, bad, types]), [["Failed: faults/killed, types.", "9 passed, 1 failed"], 1]);
  match(summaryOf([bad, well]).text, /^── faults\/killed FAILED:\nit broke$/m);
  deepStrictEqual(lastLinesOf([types, well]), [["Failed: types.", "7 passed, 1 failed"], 1]);
});

Deno.test("summaryOf() ends with the first failed test, because later failures may follow from it", () => {
  const output =
    "a ... FAILED\n\n ERRORS \n\na => ./a_test.ts:1:1\nerror: AssertionError: 1 !== 2\n\nb => ./b_test.ts:1:1\n";
  match(
    summaryOf([{ ...bad, output }]).text,
    /\nFirst failure of faults\/killed: a => \.\/a_test\.ts:1:1 \| error: AssertionError: 1 !== 2 \| .*\nFailed: faults\/killed\.\n.*$/,
  );
});

Deno.test("summaryOf() counts a fault outside every job as a failure", () => {
  deepStrictEqual(lastLinesOf([well], ["left behind: a file"]), [["── left behind: a file", "7 passed, 1 failed"], 1]);
});

Deno.test("countsIn() reads the closing line of a test run, with or without steps, and ignores lines of tests", () => {
  deepStrictEqual(countsIn("a 3 passed test ... ok (1ms)\n\nok | 12 passed (40 steps) | 0 failed (1m2s)\n"), {
    passed: 12,
    failed: 0,
  });
  deepStrictEqual(countsIn("FAILED | 3 passed | 2 failed (3s)\n\nerror: Test failed\n"), { passed: 3, failed: 2 });
});

Deno.test("countsIn() counts nothing when a file does not load", () => {
  deepStrictEqual(countsIn("error: Module not found\n"), { passed: 0, failed: 0 });
});

const anyJobs = fc.array(fc.record({ alone: fc.boolean(), turns: fc.nat(5) }), { maxLength: 20 });

Deno.test("runSideBySide() runs each job once, in order, within its number of workers, and exclusive jobs alone", async () => {
  await fc.assert(
    fc.asyncProperty(anyJobs, fc.integer({ min: 1, max: 4 }), async (jobs, workers) => {
      const begun: object[] = [];
      const running = new Set<object>();
      await runSideBySide(jobs, workers, async (job) => {
        begun.push(job);
        running.add(job);
        strictEqual(running.size <= workers, true);
        if (job.alone) strictEqual(running.size, 1);
        for (let turn = 0; turn < job.turns; turn++) {
          await Promise.resolve();
          if (job.alone) strictEqual(running.size, 1);
        }
        running.delete(job);
      });
      deepStrictEqual(begun, jobs);
      strictEqual(running.size, 0);
    }),
    { seed: 1 },
  );
});

Deno.test("runSideBySide() starts the next job as soon as a worker is free", async () => {
  const ends = [0, 1, 2].map(() => Promise.withResolvers<void>());
  const begun: number[] = [];
  const all = runSideBySide([0, 1, 2].map((n) => ({ n, alone: false })), 2, async ({ n }) => {
    begun.push(n);
    await ends[n]!.promise;
  });
  await new Promise((resolve) => setTimeout(resolve, 0));
  deepStrictEqual(begun, [0, 1]);
  ends[1]!.resolve();
  await new Promise((resolve) => setTimeout(resolve, 0));
  deepStrictEqual(begun, [0, 1, 2]);
  ends.forEach(({ resolve }) => resolve());
  await all;
});
