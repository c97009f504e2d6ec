/**
 * Replays letters whose cause ends without an operator: `rates-timeout`, once rates are fresh again. One subscriber
 * does so for all of them. It orders a job like an operator's: the job ramps up to its rate, and stops when letters die
 * again.
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
import type { ReadWork } from "./work.ts";

/** The name under which the job is ordered. */
export const healer = "the subscribers themselves";
/** After this many replays, a letter that died again is left to an operator. */
const mostReplays = 3;
const curable: Filter = { reasons: ["rates-timeout"], replaysBelow: mostReplays };
/** Letters per second: other events need Postgres too. */
const rate = 200;
const everyMs = 6_000;
/** Rates must have been fresh for this time (ms): an unsteady rates API would use up the replays. */
const steadyMs = 15_000;
const pauseSeconds = 60;

export interface KeepHealingOptions {
  readonly database: Pick<Database, "query">;
  readonly owner: string;
  readonly work: ReadWork;
  /** Resolves with whether rates are fresh, after fetching them if necessary. May take long. Never rejects. */
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
  const failed = "Dead letters of events without rates were not replayed";
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
    const { work, ratesAreFresh, clock } = this.options;
    // The lease is written, and rates are fetched, only when there are letters to replay.
    if (!(await work()).letters || !await this.#hasLetters() || !await this.lease.hold() || !await ratesAreFresh()) {
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

  /** Whether no job of the healer is running, paused by an operator, or recent. */
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
    log.info("Rates are fresh again: replaying dead letters of events without rates", {
      ...{ event: "dead_letters.healing", job: job.id, letters: job.total },
    });
  }
}
