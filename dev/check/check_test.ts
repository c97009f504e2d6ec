import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { runSideBySide } from "./main.ts";
import { verdictOf } from "./jobs.ts";
import { countsIn, type Result, summaryOf } from "./run_job.ts";

Deno.test("verdictOf() tells a registry that cannot be asked from one that knows of a vulnerability", () => {
  const offline =
    "error: error sending request for url (…/advisories/bulk): client error (Connect)\n\nCaused by:\n    0: …";
  const mirror = "error: Failed to deserialize response from the npm registry API\n\nCaused by:\n    expected ident";
  strictEqual(verdictOf(false, offline), "not asked");
  strictEqual(verdictOf(false, mirror), "not asked");
  strictEqual(verdictOf(false, "╭ a package\n│ Severity: high\nFound 1 vulnerabilities"), "vulnerable");
  strictEqual(verdictOf(true, "No known vulnerabilities found"), "sound");
});

Deno.test("verdictOf() is not talked out of a vulnerability, nor of a failure that it does not know", () => {
  const advisory = "│ a client that ends with error: error sending request for url\n│ Severity: high\n";
  strictEqual(verdictOf(false, advisory), "vulnerable");
  strictEqual(verdictOf(false, `${advisory}Found 1 vulnerabilities\nerror: error sending request`), "vulnerable");
  strictEqual(verdictOf(false, "error: Unable to open the lock: dns error"), "vulnerable");
  strictEqual(verdictOf(false, ""), "vulnerable");
});

const well: Result = { title: "tests", verdict: "ok", passed: 7, failed: 0, seconds: 1, output: "" };
const bad: Result = { ...well, title: "faults/killed", verdict: "FAILED", passed: 2, failed: 1, output: "it broke" };
const types: Result = { ...well, title: "types", verdict: "FAILED", passed: 0 };
const unasked: Result = { ...well, title: "known vulnerabilities", verdict: "could not be asked", passed: 0 };

function lastLinesOf(...args: Parameters<typeof summaryOf>): [string[], number] {
  const { text, status } = summaryOf(...args);
  return [text.split("\n").slice(-2), status];
}

Deno.test("summaryOf() says that all is well of nothing less than all", () => {
  deepStrictEqual(lastLinesOf([well, well]), [["All is well.", "14 passed, 0 failed"], 0]);
  deepStrictEqual(lastLinesOf([well, unasked]), [["All else is well.", "7 passed, 0 failed"], 0]);
  deepStrictEqual(summaryOf([{ ...well, passed: 0 }]), { text: "All is well.", status: 0 });
  match(summaryOf([well, unasked]).text, /^Could not be asked: known vulnerabilities\.$/m);
});

Deno.test("summaryOf() names each job that failed, with what it said, and counts at least one failure", () => {
  deepStrictEqual(lastLinesOf([well, bad, types]), [["Failed: faults/killed, types.", "9 passed, 1 failed"], 1]);
  match(summaryOf([bad, well]).text, /^── faults\/killed FAILED:\nit broke$/m);
  deepStrictEqual(lastLinesOf([types, well]), [["Failed: types.", "7 passed, 1 failed"], 1]);
});

Deno.test("summaryOf() ends with the first test that failed: the others may be its consequence", () => {
  const output =
    "a ... FAILED\n\n ERRORS \n\na => ./a_test.ts:1:1\nerror: AssertionError: 1 !== 2\n\nb => ./b_test.ts:1:1\n";
  match(
    summaryOf([{ ...bad, output }]).text,
    /\nFirst failure of faults\/killed: a => \.\/a_test\.ts:1:1 \| error: AssertionError: 1 !== 2 \| .*\nFailed: faults\/killed\.\n.*$/,
  );
});

Deno.test("summaryOf() counts a fault that no job has as a failure", () => {
  deepStrictEqual(lastLinesOf([well], ["left behind: a file"]), [["── left behind: a file", "7 passed, 1 failed"], 1]);
});

Deno.test("countsIn() takes the closing line of a test run, with or without steps, and no line of a test", () => {
  deepStrictEqual(countsIn("a 3 passed test ... ok (1ms)\n\nok | 12 passed (40 steps) | 0 failed (1m2s)\n"), {
    passed: 12,
    failed: 0,
  });
  deepStrictEqual(countsIn("FAILED | 3 passed | 2 failed (3s)\n\nerror: Test failed\n"), { passed: 3, failed: 2 });
});

Deno.test("countsIn() counts nothing where a file did not load", () => {
  deepStrictEqual(countsIn("error: Module not found\n"), { passed: 0, failed: 0 });
});

const anyJobs = fc.array(fc.record({ alone: fc.boolean(), turns: fc.nat(5) }), { maxLength: 20 });

Deno.test("runSideBySide() runs each job once, in order, never more than its workers, and alone what is to be alone", async () => {
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

Deno.test("runSideBySide() begins the next job as soon as one of those at work has ended", async () => {
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
