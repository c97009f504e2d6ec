import { deepStrictEqual } from "node:assert/strict";
import { RecordedLog } from "../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { keepPartitions } from "./partitions.ts";

const locked = Object.assign(new Error("canceling statement due to lock timeout"), { code: "55P03" });

Deno.test("keepPartitions() logs once why none is made, retries, and ignores a table without partitions", async () => {
  const clock = new VirtualClock(0);
  const log = new RecordedLog();
  const stop = new AbortController();
  const asked: string[] = [];
  let [runway, fails]: [string | null, boolean] = ["20", true];
  const query = (statement: string) => {
    if (!statement.includes("make_event_partitions")) return Promise.resolve([[runway]]);
    asked.push(statement);
    if (fails) return Promise.reject(locked);
    runway = "30.5";
    return Promise.resolve([[null]]);
  };
  const keeping = keepPartitions({ database: { query }, days: 7, clock, log }, stop.signal);
  await clock.advance(150_000);
  deepStrictEqual([asked.length, log.of("partitions.failed").length], [3, 1]);
  fails = false;
  await clock.advance(60_000);
  deepStrictEqual(log.of("partitions.made").map(({ fields }) => fields["runwayDays"]), [30]);
  runway = null;
  await clock.advance(600_000);
  deepStrictEqual([asked.length, log.entries.length], [4, 2]);
  stop.abort();
  await keeping;
});
