/**
 * Letters whose cause passes by itself are replayed by themselves: `rates-timeout`, once rates are fresh again. One subscriber
 * sees to it for all, by a job like an operator's, which comes up to its rate by and by and stops when letters die again.
 */
import type { Database } from "../../shared/postgres/pool.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { inRounds } from "../../shared/runtime/rounds.ts";
import type { Random } from "../../shared/runtime/random.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import type { Filter } from "../../shared/rabbitmq/dead/admin.ts";
import { JobTable } from "./jobs/job_table.ts";
import { type Lease, leaseOf } from "./leases.ts";
import { Conditions } from "./letter_query.ts";

/** Noted as who ordered the job. */
export const healer = "the subscribers themselves";
/** A letter that has died this often all the same is an operator's. */
const mostReplays = 3;
const curable: Filter = { reasons: ["rates-timeout"], replaysBelow: mostReplays };
/** Letters a second: other events need Postgres as well. */
const rate = 200;
const everyMs = 5_000;
/** Rates must be fresh for so long first: a rates API that comes and goes would use up the replays. */
const steadyMs = 15_000;
const pauseSeconds = 60;

export interface KeepHealingOptions {
  readonly database: Pick<Database, "query">;
  readonly owner: string;
  /** Looks for them where there are none; may take its time, and never rejects. */
  readonly ratesAreFresh: () => Promise<boolean>;
  readonly clock: Clock;
  readonly random: Pick<Random, "bytes">;
  readonly log: Log;
}

/** Heals until the signal is aborted; never throws. */
export async function keepHealing(options: KeepHealingOptions, stop: AbortSignal): Promise<void> {
  const { database, owner, clock, log } = options;
  const lease = leaseOf(database, "heal", owner);
  const healing = new Healing(options, lease);
  const failed = "Dead letters were not looked at for a cure";
  await inRounds(() => healing.round(), { everyMs, failed, clock, log }, stop);
  await lease.release().catch(() => {});
}

export class Healing {
  #freshSince: number | undefined;

  constructor(
    private readonly options: Omit<KeepHealingOptions, "owner">,
    private readonly lease: Pick<Lease, "hold">,
  ) {}

  async round(): Promise<void> {
    const { ratesAreFresh, clock } = this.options;
    // Nobody asks for rates while there is nothing to heal.
    if (!await this.lease.hold() || !await this.#hasLetters() || !await ratesAreFresh()) {
      this.#freshSince = undefined;
      return;
    }
    this.#freshSince ??= clock.monotonic();
    if (clock.monotonic() - this.#freshSince >= steadyMs && await this.#isDue()) await this.#order();
  }

  async #hasLetters(): Promise<boolean> {
    const where = new Conditions(curable);
    const statement = `select id from dead_letters where ${where} limit 1`;
    return (await this.options.database.query(statement, where.parameters)).length > 0;
  }

  /** A job of its own that an operator has paused keeps it from ordering another. */
  async #isDue(): Promise<boolean> {
    const rows = await this.options.database.query(
      `select id from jobs where created_by = $1
         and (state in ('running', 'paused') or created_at > now() - interval '${pauseSeconds} s') limit 1`,
      [healer],
    );
    return rows.length === 0;
  }

  async #order(): Promise<void> {
    const { database, random, log } = this.options;
    const id = random.bytes(16).toHex();
    const job = await new JobTable(database).create({ act: "replay", filter: curable, rate }, id, healer);
    log.info("Rates are fresh again: events that found none are replayed", {
      ...{ event: "dead_letters.healing", job: job.id, letters: job.total },
    });
  }
}
