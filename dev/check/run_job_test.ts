import { deepStrictEqual } from "node:assert/strict";
import { countsIn } from "./run_job.ts";

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
