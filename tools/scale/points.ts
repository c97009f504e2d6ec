/** The benchmark's points beside what the model says of them. */
import results from "../../bench/results/results.json" with { type: "json" };
import { spreadOf } from "../../bench/statistics.ts";
import * as costs from "./costs.ts";
import {
  medianLatencyMs,
  mostOfOneSubscriber,
  mostOnOneMachine,
  mostPublished,
  mostThroughAll,
  usualLoad as load,
} from "./model.ts";

export interface Point {
  readonly name: string;
  readonly measured: number;
  readonly predicted: number;
  /** The model minus what was measured, as a share of that. */
  readonly residual: number;
  /** What the model does not know of is shown, and not held to any tolerance. */
  readonly known: boolean;
}

/** How far the model may be off: the benchmark's own runs differ by as much. */
export const tolerance = 0.12;

type Groups = Readonly<Record<string, { runs: Readonly<Record<string, readonly Readonly<Record<string, number>>[]>> }>>;

/** @param groups bench/results/results.json */
export function pointsOf(groups: Groups = results as unknown as Groups): Point[] {
  const cores = 2;
  const point = (
    name: string,
    [group, variant, figure]: readonly [string, string, string],
    predicted: number,
    known = true,
  ) => {
    const values = groups[group]?.runs[variant]?.map((figures) => figures[figure]!) ?? [];
    const { median: measured } = spreadOf(values);
    return { name, measured, predicted, residual: predicted / measured - 1, known };
  };
  const rate = "eventsPerSecond";
  const scale = [10, 1_000_000].flatMap((players) =>
    [1, 2, 4, 8].map((n) =>
      point(
        `${n} ${n === 1 ? "subscriber" : "subscribers"}, ${players.toLocaleString("en")} players, events/s`,
        ["scale", `${n} of ${players} players`, rate],
        mostOnOneMachine({ ...load, players }, n, cores),
      )
    )
  );
  const growth = [0, 1_000_000, 10_000_000].map((stored) =>
    point(
      `${stored.toLocaleString("en")} events stored, events/s`,
      ["growth", String(stored), rate],
      mostOfOneSubscriber({ ...load, stored }),
    )
  );
  const latency = [10, 100, 1_000, 5_000].map((perSecond) =>
    point(
      `latency at ${perSecond.toLocaleString("en")} events/s, p50, ms`,
      ["latency", String(perSecond), "p50Ms"],
      medianLatencyMs(load, perSecond),
      perSecond === 100 || perSecond === 1_000,
    )
  );
  const endurance = ["endurance", "2000000 events"] as const;
  return [
    point("lines off, events/s", ["throughput", "ours, lines off", rate], mostOnOneMachine(load, 1, cores)),
    point(
      "lines on, events/s",
      ["throughput", "ours, lines on", rate],
      mostOnOneMachine({ ...load, lines: true }, 1, cores),
    ),
    ...scale,
    ...growth,
    point("publisher, events/s", ["publisher", "ours", rate], mostPublished(cores)),
    point("publisher CPU, µs an event", ["publisher", "ours", "publisherCpuUs"], costs.publisherUs),
    point("endurance, in and out at once, events/s", [...endurance, rate], mostThroughAll(load, cores)),
    point(
      "endurance, its last tenth, events/s",
      [...endurance, "lastTenthEventsPerSecond"],
      mostThroughAll(load, cores),
      false,
    ),
    point("endurance, memory at its highest, MiB", [...endurance, "peakMib"], costs.subscriberMib),
    ...latency,
    point("stored, bytes an event", ["growth", "10000000", "bytesPerEvent"], costs.rowBytes),
  ];
}
