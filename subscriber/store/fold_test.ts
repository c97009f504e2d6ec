import { deepStrictEqual } from "node:assert/strict";
import { RecordedLog } from "../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { keepFolding } from "./fold.ts";

const locked = Object.assign(new Error("canceling statement due to lock timeout"), { code: "55P03" });

Deno.test("keepFolding() folds while the subscriber stores events, rarely otherwise, and logs an error once", async () => {
  const clock = new VirtualClock(0);
  const log = new RecordedLog();
  const stop = new AbortController();
  let [folds, stored, answer]: [number, number, "added" | "busy" | "fails"] = [0, 0, "added"];
  const database = {
    query(statement: string) {
      if (!statement.includes("batch_totals")) return Promise.resolve([]);
      folds++;
      return answer === "fails" ? Promise.reject(locked) : Promise.resolve([[answer === "added" ? "1" : "-1"]]);
    },
    copyIn: () => Promise.reject(new Error("nothing is copied")),
  };
  let looks = 0;
  const foldsDuring = async (ms: number) => {
    const before = folds;
    await clock.advance(ms);
    return folds - before;
  };
  const folding = keepFolding({ database, stored: () => (looks++, stored), clock, log }, stop.signal);
  deepStrictEqual(await foldsDuring(1_500), 1, "once at the start: another subscriber may have died");
  stored = 7;
  deepStrictEqual(await foldsDuring(10_000), 1);
  const begun = looks;
  deepStrictEqual(await foldsDuring(60_000), 1, "once a minute while nothing is stored");
  deepStrictEqual(looks - begun <= 60, true, "and looks every other second: each look wakes the process");
  [stored, answer] = [8, "busy"];
  deepStrictEqual(await foldsDuring(5_000), 5, "until its own batches are added");
  answer = "fails";
  deepStrictEqual(await foldsDuring(5_000), 5);
  deepStrictEqual(log.of("totals.not_folded").map(({ fields }) => fields["problem"]), [locked.message]);
  answer = "added";
  deepStrictEqual(await foldsDuring(5_000), 1);
  stop.abort();
  await folding;
});
