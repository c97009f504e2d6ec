/** The true state, read from the servers directly, not through the proxies that a campaign breaks. */
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { callWithDeadline } from "../../shared/runtime/deadline.ts";
import type { Config } from "../../shared/runtime/configuration/config.ts";
import { queuesReader, ratesReader, reportsReader, totalsReader } from "../../tools/status/readers.ts";
import { readStatus, type Status } from "../../tools/status/status.ts";
import { queues } from "../harness/batch.ts";
import type { Ledger } from "../harness/ledger.ts";
import type { PrivateWorld } from "../harness/private_world.ts";
import type { Truth } from "./told.ts";
import type { Workers } from "./workers.ts";

const askTimeoutMs = 2_000;

export class TruthReader {
  readonly #readers: Parameters<typeof readStatus>[0];
  #handled = 0;
  #rows = 0;
  #dead = 0;
  #stalledSince: number | undefined;

  constructor(
    private readonly world: PrivateWorld,
    private readonly ledger: Pick<Ledger, "confirmed">,
    private readonly workers: Pick<Workers, "refused">,
    /** Leads to the current primary Redis. */
    REDIS_URL: string,
  ) {
    const { RABBITMQ_URL, DATABASE_URL } = world.servers.direct;
    const config = { ...queues, RABBITMQ_URL, REDIS_URL, DATABASE_URL } as unknown as Config;
    const settings = { ...config, REDIS_KEY_PREFIX: world.env["REDIS_KEY_PREFIX"] ?? "casino:" };
    this.#readers = {
      queues: queuesReader(settings, clock),
      rates: ratesReader(settings, clock),
      totals: totalsReader(settings, clock),
      reports: reportsReader(settings, clock),
    };
  }

  /** Runs `deno task status`. */
  status(): Promise<Status> {
    return readStatus(this.#readers, clock);
  }

  /** Reads the true state. A server that does not answer counts as unchanged since its last answer. */
  async read(): Promise<Truth> {
    const ask = <T>(question: () => Promise<T>, last: T) =>
      callWithDeadline(askTimeoutMs, clock, question).catch(() => last);
    [this.#rows, this.#dead] = await Promise.all([
      ask(() => this.world.rows(), this.#rows),
      ask(async () => {
        // The count of letters includes the table: without Postgres it would be too low.
        await this.world.rows();
        return await this.world.messagesIn(queues.DEAD_LETTER_QUEUE);
      }, this.#dead),
    ]);
    const handled = this.#rows + this.#dead;
    const waiting = this.ledger.confirmed > handled;
    if (!waiting || handled !== this.#handled) this.#stalledSince = undefined;
    else this.#stalledSince ??= clock.monotonic();
    this.#handled = handled;
    const now = clock.monotonic();
    return { stalledMs: now - (this.#stalledSince ?? now), refused: this.workers.refused };
  }

  async close(): Promise<void> {
    await Promise.allSettled(Object.values(this.#readers).map((reader) => reader.close()));
  }
}
