import { deepStrictEqual } from "node:assert/strict";
import { RecordedLog } from "../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { inRounds } from "./rounds.ts";

Deno.test("inRounds() continues after a failed round, and stops on its signal even when a round hangs", async () => {
  const [clock, log, stop] = [new VirtualClock(), new RecordedLog(), new AbortController()];
  const begun: number[] = [];
  const round = () => {
    begun.push(clock.monotonic());
    if (begun.length === 1) return Promise.reject(new Error("Postgres is away"));
    return begun.length === 3 ? new Promise<void>(() => {}) : Promise.resolve();
  };
  const running = inRounds(round, { everyMs: 6_000, failed: "No round", clock, log }, stop.signal);
  await clock.advance(20_000);
  deepStrictEqual(begun.map((ms) => ms - begun[0]!), [0, 6_000, 12_000]);
  stop.abort(new Error("leaving"));
  await running;
  deepStrictEqual(log.entries.map(({ message, fields }) => [message, fields["problem"]]), [[
    "No round",
    "Postgres is away",
  ]]);
});
