/** The history for `deno task status`. */
import type { Database } from "../../shared/postgres/pool.ts";
import type { HistoryPoint } from "../../subscriber/dashboard/answers.ts";
import { readHistory } from "../../subscriber/metrics/history/history_table.ts";
import type { StatusHistory } from "./status.ts";

const [stepSeconds, daySeconds, recentSeconds] = [900, 86_400, 300];

/** @throws errors of Postgres */
export async function readStatusHistory(database: Pick<Database, "query">, nowMs: number): Promise<StatusHistory> {
  const [day, recent] = await Promise.all([
    readHistory(database, { stepSeconds, spanSeconds: daySeconds }),
    readHistory(database, { stepSeconds: 60, spanSeconds: recentSeconds }),
  ]);
  return historyOf(day, recent, nowMs);
}

/** @param recent points of the last minutes, for the growth of the queue */
export function historyOf(
  day: readonly HistoryPoint[],
  recent: readonly HistoryPoint[],
  nowMs: number,
): StatusHistory {
  const points = new Map(day.map((point) => [Date.parse(point.at) / 1_000, point]));
  const end = Math.ceil(nowMs / 1_000 / stepSeconds) * stepSeconds;
  const steps = daySeconds / stepSeconds;
  const shown = Array.from({ length: steps }, (_, n) => points.get(end - (steps - n) * stepSeconds));
  const known = recent.flatMap(({ arrived, stored, dead, duplicates, seconds }) =>
    arrived === null ? [] : [{ grown: arrived - stored - dead - duplicates, seconds }]
  );
  const sum = (figures: readonly number[]) => figures.reduce((total, figure) => total + figure, 0);
  return {
    step_seconds: stepSeconds,
    stored_per_second: shown.map((point) => point ? Math.round(point.stored / point.seconds * 10) / 10 : null),
    ready: shown.map((point) => point?.ready ?? null),
    queue_growth_per_second: known.length === 0
      ? null
      : sum(known.map(({ grown }) => grown)) / sum(known.map(({ seconds }) => seconds)),
  };
}
