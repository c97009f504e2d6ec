/** Writes the history once a minute. */
import type { Database } from "../../../shared/postgres/pool.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { inRounds } from "../../../shared/runtime/rounds.ts";
import type { Log } from "../../../shared/runtime/telemetry/log.ts";
import type { Overview } from "../../dashboard/answers.ts";
import type { Stats } from "../../pipeline/stats.ts";
import { compactHistory, type Counted, type Found, writeMinute } from "./history_table.ts";
import type { LatencyBuckets } from "./latency_buckets.ts";

const everyMs = 60_000;
const roundsPerCompaction = 60;

export interface KeepHistoryOptions {
  readonly database: Pick<Database, "query">;
  readonly stats: Pick<Stats, "dead" | "duplicates">;
  readonly latencies: Pick<LatencyBuckets, "counts">;
  readonly overview: () => Promise<Overview>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Adds this subscriber's counts to the history. When a write fails, the next round adds them. */
export class HistoryWriter {
  #written: Counted = { dead: 0, duplicates: 0, latencies: [] };

  constructor(private readonly options: Omit<KeepHistoryOptions, "clock" | "log">) {}

  /** @throws errors of Postgres */
  async round(): Promise<void> {
    const { database, stats, latencies, overview } = this.options;
    const found = foundIn(await overview());
    const dead = Array.from(stats.dead.values()).reduce((sum, events) => sum + events, 0);
    const [now, before] = [{ dead, duplicates: stats.duplicates, latencies: latencies.counts }, this.#written];
    const counted = {
      ...{ dead: now.dead - before.dead, duplicates: now.duplicates - before.duplicates },
      latencies: now.latencies.map((count, bucket) => count - (before.latencies[bucket] ?? 0)),
    };
    await writeMinute(database, counted, found);
    this.#written = now;
  }
}

function foundIn({ queue, rates, subscribers }: Overview): Found {
  return {
    ready: queue?.messages ?? null,
    unacknowledged: queue?.unacknowledged ?? null,
    oldestMs: queue?.oldest_ms ?? null,
    ratesAgeMs: rates.age_ms,
    subscribers: subscribers.filter(({ state }) => state !== "silent").length,
  };
}

/** Writes until the signal is aborted; never throws. */
export async function keepHistory(options: KeepHistoryOptions, stop: AbortSignal): Promise<void> {
  const { database, clock, log } = options;
  const writer = new HistoryWriter(options);
  let rounds = 0;
  const round = async () => {
    await writer.round();
    if (rounds++ % roundsPerCompaction === 0) await compactHistory(database);
  };
  // The counts of a minute are complete some seconds after its end, because a batch counts at its transaction's start.
  const untilMinuteMs = everyMs - clock.now() % everyMs;
  await clock.sleep(untilMinuteMs + settledMs, stop).catch(() => {});
  await inRounds(round, { everyMs, failed: "The history was not written", clock, log }, stop);
}

const settledMs = 10_000;
