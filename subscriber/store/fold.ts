/**
 * Adds what stored batches left in `batch_totals` to the totals of players, the counts by second and the leaders. So
 * batches share no row, and `GET /materialized` reads few.
 */
import type { Database } from "../../shared/postgres/pool.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { settledWithin } from "../../shared/runtime/deadline.ts";
import { explainStoreError, SchemaProblem } from "../../shared/runtime/errors.ts";
import { inRounds } from "../../shared/runtime/rounds.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import { alteredCheck, explained } from "./layout.ts";
import { type FoundColumn, readColumns, totalsTables, typeProblem } from "./tables.ts";
import { keepLeaders, leadersOfTotals, rowsTaken } from "./totals.ts";

/** Bounds the duration of one statement. */
const mostBatches = 200;
const [everyMs, idleMs] = [1_000, 2_000];
/** Rounds between two folds of a subscriber that stores nothing: another one may have died before its last fold. */
const idleRounds = 30;
/** Any number; Postgres has one space of locks for all programs of a database. */
const lockSpace = 7_311_000_000_000n;

/**
 * The lock lets one subscriber fold at a time. Without it, folds would still add no batch twice, but wait for each
 * other's players. The check sees every committed change of the tables: Postgres locks them before it takes the
 * statement's snapshot.
 */
function foldStatement(found: readonly FoundColumn[]): string {
  return `
with own as materialized (
  select pg_try_advisory_xact_lock(${lockSpace} + to_regclass('batch_totals')::oid::bigint) as folds
),
taken as (
  delete from batch_totals
  where (select folds from own) and id in (select id from batch_totals order by id limit ${mostBatches})
  returning second, subscriber_id, events, player_ids, bets, wins, deposits_eur
),
deltas as (
  select added.player_id, sum(added.bets) as bets, sum(added.wins) as wins, sum(added.deposits_eur) as deposits_eur
  from taken, unnest(taken.player_ids, taken.bets, taken.wins, taken.deposits_eur)
    as added (player_id, bets, wins, deposits_eur)
  group by added.player_id
),
changed as (
  insert into player_totals as total (player_id, bets, wins, deposits_eur) select * from deltas order by player_id
  on conflict (player_id) do update set
    bets = total.bets + excluded.bets,
    wins = total.wins + excluded.wins,
    deposits_eur = total.deposits_eur + excluded.deposits_eur
  returning player_id, bets, wins, deposits_eur
),
ahead as (select * from changed where ${
    ["bets", "wins", "deposits_eur"].map((total) =>
      `${total} >= coalesce((select ${total}[1] from player_leaders where subscriber_id = ''), 0)`
    ).join(" or ")
  }),
led as (${keepLeaders(leadersOfTotals, "ahead")} returning subscriber_id),
counts as (select second, subscriber_id, sum(events) as events from taken group by second, subscriber_id),
counted as (
  insert into event_counts as count (second, subscriber_id, events) select * from counts
  on conflict (second, subscriber_id) do update set events = count.events + excluded.events returning events
)
select case when (select folds from own) then count(*)::int else -1 end from taken union all
${rowsTaken("player_totals")} from changed having count(*) <> (select count(*) from deltas) union all
${rowsTaken("player_leaders")} from led having count(*) = 0 and exists (select from ahead) union all
${rowsTaken("event_counts")} from counted having count(*) <> (select count(*) from counts) union all
${alteredCheck(found)}`;
}

/**
 * Adds all batches that are stored, unless another subscriber is adding them.
 * @returns whether it added them
 * @throws {SchemaProblem} when a table would store other values; errors of Postgres. What is not added stays in
 * `batch_totals`
 */
export async function fold(database: Database): Promise<boolean> {
  const found = await readColumns(database, Object.keys(totalsTables));
  const problem = typeProblem(found, totalsTables);
  if (problem !== undefined) throw new SchemaProblem(problem);
  for (;;) {
    let batches: number;
    try {
      const [[taken] = []] = await database.query(foldStatement(found), []);
      batches = Number(taken);
    } catch (error) {
      throw await explained(error, 0, database);
    }
    if (batches < mostBatches) return batches >= 0;
  }
}

export interface KeepFoldingOptions {
  readonly database: Database;
  /** How many events this subscriber has stored: a change means that there is something to add. */
  readonly stored: () => number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Folds once a second while the subscriber stores events, and once a minute while it does not, until the signal is
 * aborted. Never throws.
 */
export async function keepFolding(options: KeepFoldingOptions, stop: AbortSignal): Promise<void> {
  const { database, stored, clock, log } = options;
  let added = NaN;
  let rounds = 0;
  let problem: string | undefined;
  const round = async () => {
    const now = stored();
    if (now === added && ++rounds % idleRounds !== 0) return;
    try {
      if (await fold(database)) added = now;
      problem = undefined;
    } catch (error) {
      const found = explainStoreError(error);
      if (!stop.aborted && found !== problem) {
        log.warn("Totals lag: batches were stored but not added to them", {
          event: "totals.not_folded",
          problem: found,
        });
      }
      problem = found;
    }
  };
  const next = () => stored() === added ? idleMs : everyMs;
  await inRounds(round, { everyMs: next, failed: "Totals were not folded", clock, log }, stop);
}

/** The longest that a subscriber waits for its last fold, in ms. */
const lastFoldMs = 500;

/**
 * Folds before the subscriber leaves, so that nothing waits for another one's round; not when the grace period is over.
 * Never throws.
 */
export async function foldOnce(
  { database, clock, log }: Omit<KeepFoldingOptions, "stored">,
  abandon: AbortSignal,
): Promise<void> {
  if (abandon.aborted) return;
  const folded = fold(database).catch((error) =>
    log.debug("Totals were not folded at the end", { problem: explainStoreError(error) })
  );
  await settledWithin(lastFoldMs, clock, folded);
}
