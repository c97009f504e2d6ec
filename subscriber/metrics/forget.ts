/** Makes a subscriber forget recent events of a player whose data `deno task erase` removes from the tables. */
import type { Database } from "../../shared/postgres/pool.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { inRounds } from "../../shared/runtime/rounds.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import type { RecentEvents } from "./recent_events.ts";

const everyMs = 10_000;
const newestAct = "select coalesce(max(id), 0) from acts";
/** A killed run stays `begun` for ever, so it counts as ended after an hour. */
const erasures = `select id, filter ->> 'player', state = 'begun' and begun_at > now() - interval '1 hour' from acts
  where id > $1::bigint and act = 'erase' order by id`;

/** Looks in the audit for erasures that began after the forgetter's first round. */
export class Forgetter {
  /** Erasures up to this act have ended, or began before there was anything to forget. */
  #after: string | undefined;

  constructor(
    private readonly database: Pick<Database, "query">,
    private readonly recent: Pick<RecentEvents, "forget">,
  ) {}

  /** @returns how many events were forgotten */
  async round(): Promise<number> {
    this.#after ??= (await this.database.query(newestAct, []))[0]![0]!;
    const found = await this.database.query(erasures, [this.#after]);
    const forgotten = found.reduce((sum, [, player]) => sum + this.recent.forget(BigInt(player!)), 0);
    // A batch with the e-mail may still be stored after an erasure began, so the next round forgets its player again.
    const over = found.slice(0, found.findIndex(([, , goesOn]) => goesOn === "t") >>> 0);
    this.#after = over.at(-1)?.[0] ?? this.#after;
    return forgotten;
  }
}

/** Looks for erasures until the signal is aborted; never throws. */
export async function keepForgetting(
  options: {
    readonly database: Pick<Database, "query">;
    readonly recent: Pick<RecentEvents, "forget">;
    readonly clock: Clock;
    readonly log: Log;
  },
  stop: AbortSignal,
): Promise<void> {
  const { database, recent, clock, log } = options;
  const forgetter = new Forgetter(database, recent);
  const round = async () => {
    const events = await forgetter.round();
    if (events > 0) {
      log.info("Removed events of erased players from the newest events", { event: "events.forgotten", events });
    }
  };
  await inRounds(round, { everyMs, failed: "Erased players could not be read", clock, log }, stop);
}
