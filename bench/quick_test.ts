import { deepStrictEqual } from "node:assert/strict";
import { quickTable } from "./quick.ts";

const runsOf = (...ours: readonly number[]) => ({
  ...{ bare: ours.map(() => ({ eventsPerSecond: 200, subscriberCpuUs: 2 })) },
  ...{ load: ours.map(() => ({ eventsPerSecond: 200 })), naive: [{ eventsPerSecond: 1 }] },
  ...{ "ours, lines off": ours.map((rate) => ({ eventsPerSecond: rate, subscriberCpuUs: 8 })) },
  ...{ "ours, lines on": ours.map((rate) => ({ eventsPerSecond: rate / 2, subscriberCpuUs: 12 })) },
});

Deno.test("quickTable() compares each turn's ratios with the stored ones", () => {
  const kept = { at: "2026-11-30T00:00:00Z", commit: "abc1234", machine: {}, versions: {}, runs: runsOf(40, 50, 60) };
  deepStrictEqual(quickTable(runsOf(55), kept).split("\n").slice(0, 5), [
    "|  | commit abc1234 | now | now ÷ then |",
    "| --- | ---: | ---: | ---: |",
    "| ours ÷ floor, lines off | 0.5 (0.4–0.6) | 0.55 | 1.1 |",
    "| ours ÷ floor, lines on | 0.25 (0.2–0.3) | 0.275 | 1.1 |",
    "| subscriber CPU ÷ bare's, lines off | 4 | 4 | 1 |",
  ]);
});
