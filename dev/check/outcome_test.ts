import { deepStrictEqual, match } from "node:assert/strict";
import { summaryOf } from "./outcome.ts";
import type { Result } from "./run_job.ts";

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
  match(summaryOf([well, unasked]).text, /^Could not be asked: known vulnerabilities\.$/m);
});

Deno.test("summaryOf() names each job that failed, with what it said, and counts at least one failure", () => {
  deepStrictEqual(lastLinesOf([well, bad, types]), [["Failed: faults/killed, types.", "9 passed, 1 failed"], 1]);
  match(summaryOf([bad, well]).text, /^── faults\/killed FAILED:\nit broke$/m);
  deepStrictEqual(lastLinesOf([types, well]), [["Failed: types.", "7 passed, 1 failed"], 1]);
});

Deno.test("summaryOf() counts a fault that no job has as a failure", () => {
  deepStrictEqual(lastLinesOf([well], ["left behind: a file"]), [["── left behind: a file", "7 passed, 1 failed"], 1]);
});
