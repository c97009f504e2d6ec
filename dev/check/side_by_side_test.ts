import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { runSideBySide } from "./side_by_side.ts";

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
