/**
 * Marks letters as resolved once their event is stored, by a replay or otherwise. One subscriber does so for all of
 * them, in rounds of some letters.
 */
import type { Database } from "../../shared/postgres/pool.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { inRounds } from "../../shared/runtime/rounds.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import { type Lease, leaseOf } from "./leases.ts";
import type { ReadWork } from "./work.ts";

/** Letters per statement. Each costs one lookup by id in the index of `events`. */
const lookedAtOnce = 1_000;
/** Statements per round. Events of replayed letters are among the newest; others may have to be read from disk. */
const mostLooks = { replayed: 10, dead: 2 };
const everyMs = 4_000;

/**
 * Matches letters with stored events by message id. Leaves out `id-conflict`, where the stored event is another one,
 * and stored events with another event id or player than the letter and its edits. For an undecodable body only the
 * message id is known.
 */
const statementFor = (status: "dead" | "replayed") => `
  with looked as (
    select id, message_id, event_id, player_id, reason from dead_letters
    where status = '${status}' and id > $1::bigint order by id limit ${lookedAtOnce}
  ), found as (
    update dead_letters as letters set status = 'resolved', stored_at = events.stored_at, stored_by = events.subscriber_id
    from looked join events on events.message_id = looked.message_id
    where letters.id = looked.id and letters.status = '${status}' and looked.reason <> 'id-conflict'
      and (looked.event_id is null or (looked.event_id, looked.player_id) = (events.event_id, events.player_id)
        or exists (
          select from dead_letter_edits as edits where edits.letter = looked.id
            and (edits.event_id, edits.player_id) = (events.event_id, events.player_id)
        ))
    returning letters.id
  )
  select (select max(id) from looked), (select count(*) from looked), (select count(*) from found)`;

/** Goes through the letters of one status, and starts over after the last. */
export class Resolver {
  #after = 0n;
  readonly #statement: string;

  constructor(
    private readonly database: Pick<Database, "query">,
    status: "dead" | "replayed",
    private readonly looks = mostLooks[status],
  ) {
    this.#statement = statementFor(status);
  }

  /** Checks the next thousands of letters, at most up to the last. @returns the number of resolved letters */
  async round(): Promise<number> {
    let resolved = 0;
    for (let looks = 0; looks < this.looks; looks++) {
      const [row] = await this.database.query(this.#statement, [String(this.#after)]);
      resolved += Number(row![2]);
      const more = Number(row![1]) === lookedAtOnce;
      this.#after = more ? BigInt(row![0]!) : 0n;
      if (!more) break;
    }
    return resolved;
  }
}

export interface KeepResolvingOptions {
  readonly database: Pick<Database, "query">;
  readonly owner: string;
  readonly work: ReadWork;
  readonly clock: Clock;
  readonly log: Log;
}

/** Resolves until the signal is aborted; never throws. */
export async function keepResolving(options: KeepResolvingOptions, stop: AbortSignal): Promise<void> {
  const { database, owner, work, clock, log } = options;
  const lease = leaseOf(database, "resolve", owner);
  const resolvers = [new Resolver(database, "replayed"), new Resolver(database, "dead")];
  const round = async () => {
    // Without letters, a round writes no lease.
    if ((await work()).letters) await resolve(lease, resolvers, log);
  };
  const failed = "Dead letters of stored events were not resolved";
  await inRounds(round, { everyMs, failed, clock, log }, stop);
  await lease.release().catch(() => {});
}

async function resolve(lease: Lease, resolvers: readonly Resolver[], log: Log): Promise<void> {
  if (!await lease.hold()) return;
  let resolved = 0;
  for (const resolver of resolvers) resolved += await resolver.round();
  if (resolved > 0) {
    log.info("Resolved dead letters whose events are stored", { event: "dead_letters.resolved", letters: resolved });
  }
}
