/** {@linkcode DeadLetterAdmin} over the table. Each replay opens and closes its own connection to the broker. */
import { ConfirmPublisher } from "../../shared/rabbitmq/publish/publisher.ts";
import { eventTopology, type TopologyConfig } from "../../shared/rabbitmq/topology.ts";
import type { Database } from "../../shared/postgres/pool.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Config } from "../../shared/runtime/configuration/config.ts";
import { settledWithin } from "../../shared/runtime/deadline.ts";
import type { Random } from "../../shared/runtime/random.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import {
  AdminClosed,
  type AdminOptions,
  type CauseGroup,
  type DeadLetterAdmin,
  type EditOptions,
  type EditPage,
  type HistoryOptions,
  type LetterHistory,
  type LetterPage,
  type ListOptions,
  type Replays,
} from "../../shared/rabbitmq/dead/admin.ts";
import { editOf } from "../../shared/rabbitmq/dead/edit.ts";
import { replay } from "../../shared/rabbitmq/dead/replay.ts";
import { LetterClaims } from "./claims.ts";
import { editLetters } from "./edit_letters.ts";
import { readLetterHistory } from "./letter_history.ts";
import { LetterTable } from "./letter_table.ts";
import { replaySource } from "./replay_source.ts";

export interface TableAdminOptions {
  readonly database: Pick<Database, "copyIn" | "query">;
  readonly config: TopologyConfig & Pick<Config, "RABBITMQ_URL">;
  /** Shown in the broker's list of connections. Default name for the author of an act. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** An act stops after this time (ms) and returns what it has done; 8 s by default. */
  readonly timeoutMs?: number;
}

/** Share of the time that one letter may use: a letter that no queue takes must not use up all of it. */
const publishShare = 0.2;
const closeTimeoutMs = 2_000;

export class TableDeadLetterAdmin implements DeadLetterAdmin {
  readonly #table: LetterTable;
  readonly #timeoutMs: number;
  readonly #closed = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(private readonly options: TableAdminOptions) {
    this.#table = new LetterTable(options.database);
    this.#timeoutMs = options.timeoutMs ?? 8_000;
  }

  list({ limit, filter, order = "oldest", after, mostBodyBytes, signal }: ListOptions): Promise<LetterPage> {
    return this.#act(signal, async () => {
      const place = after === undefined ? undefined : BigInt(after);
      const options = { filter, order, limit, after: place, mostBodyBytes };
      const [{ letters, more }, total] = await Promise.all([this.#table.page(options), this.#table.count()]);
      return { letters, total, next: more ? String(letters.at(-1)!.id) : undefined };
    });
  }

  history({ id, signal }: HistoryOptions): Promise<LetterHistory> {
    return this.#act(signal, () => readLetterHistory(this.options.database, id));
  }

  groups({ filter, signal }: AdminOptions): Promise<readonly CauseGroup[]> {
    return this.#act(signal, () => this.#table.groups(filter));
  }

  replay({ filter, signal, by = this.options.name }: AdminOptions): Promise<Replays> {
    const { config, name, clock, random } = this.options;
    return this.#act(signal, async (stop) => {
      let blocked: string | undefined;
      const publisher = new ConfirmPublisher({
        ...{ url: config.RABBITMQ_URL, name: `${name} replay`, topology: eventTopology(config), clock, random },
        giveUpAfterMs: this.#timeoutMs * publishShare,
        onBlocked: (reason) => blocked = reason,
        log: silentLog,
      });
      const counts = { replayed: 0, refused: 0, failed: 0 };
      let problem: string | undefined;
      try {
        const source = replaySource(this.#table, new LetterClaims(this.options.database), {
          filter,
          stop,
          by,
          random,
        });
        const { EVENTS_EXCHANGE: exchange, EVENTS_SHARDS: shards } = config;
        const how = { exchange, shards, publisher, clock, rate: undefined, force: false, stop };
        for await (const replayed of replay(source, how)) {
          counts[replayed.result]++;
          if (replayed.result === "failed") problem ??= replayed.problem;
        }
        if (blocked !== undefined) problem ??= `the broker blocks publishers: ${blocked}`;
      } finally {
        await publisher.close(0);
      }
      return { ...counts, ...(problem !== undefined && { problem }) };
    });
  }

  drop(options: AdminOptions): Promise<number> {
    return this.#turn("drop", options);
  }

  undo(options: AdminOptions): Promise<number> {
    return this.#turn("undo", options);
  }

  /** Stops the acts under way, and waits up to 2 s for their end. */
  async close(): Promise<void> {
    this.#closed.abort(new AdminClosed());
    await settledWithin(closeTimeoutMs, this.options.clock, Promise.allSettled(this.#running));
  }

  edit({ change, preview, limit, after, filter, signal, by = this.options.name }: EditOptions): Promise<EditPage> {
    const { database } = this.options;
    return this.#act(signal, async () => {
      const dead = { ...filter, statuses: ["dead"] as const };
      const from = {
        filter: dead,
        order: "oldest",
        limit,
        after: after === undefined ? undefined : BigInt(after),
      } as const;
      const { letters, more } = await this.#table.page(from);
      const outcomes = preview
        ? letters.map((letter) => editOf(letter, change).outcome)
        : await editLetters(database, letters, change, by);
      return { outcomes, next: more ? String(letters.at(-1)!.id) : undefined };
    });
  }

  #turn(
    way: "drop" | "undo",
    { filter, signal, by = this.options.name }: AdminOptions,
  ): Promise<number> {
    return this.#act(signal, async (stop) => {
      const last = await this.#table.lastId();
      let [turned, more] = [0, true];
      while (more && !stop.aborted) {
        const some = await this.#table[way](filter, last, by);
        turned += some.messageIds.length;
        more = some.more;
      }
      return turned;
    });
  }

  /** @param act must stop and return what it has done when its signal is aborted */
  async #act<T>(signal: AbortSignal, act: (stop: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    this.#closed.signal.throwIfAborted();
    const { clock } = this.options;
    const [enough, ended] = [new AbortController(), new AbortController()];
    clock.sleep(this.#timeoutMs, ended.signal).then(() => enough.abort(), () => {});
    const running = act(AbortSignal.any([signal, this.#closed.signal, enough.signal]));
    this.#running.add(running);
    try {
      const result = await running;
      signal.throwIfAborted();
      return result;
    } finally {
      ended.abort();
      this.#running.delete(running);
    }
  }
}
