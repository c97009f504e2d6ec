/** {@linkcode DeadLetterAdmin} over RabbitMQ. Each operation has a connection of its own, and none is open in between. */
import type { Channel } from "amqplib";
import { settledWithin, untilAborted } from "../../runtime/deadline.ts";
import { ConfirmPublisher } from "../publish/publisher.ts";
import { eventTopology, type TopologyConfig } from "../topology.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Config } from "../../runtime/configuration/config.ts";
import type { Random } from "../../runtime/random.ts";
import { silentLog } from "../../runtime/telemetry/log.ts";
import { onDeadLetterChannel } from "./channel.ts";
import type { DeadLetter } from "./dead_letter.ts";
import { drop, list, replay } from "./dead_letter_queue.ts";
import {
  AdminClosed,
  type AdminOptions,
  type DeadLetterAdmin,
  type Listed,
  type ListOptions,
  mostLookedAt,
  type Replays,
} from "./admin.ts";
import { Mutex } from "./mutex.ts";

export interface AmqpAdminOptions {
  readonly config: TopologyConfig & Pick<Config, "RABBITMQ_URL">;
  /** Shown in the broker's list of connections. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** {@linkcode mostLookedAt} if left out. */
  readonly mostSeen?: number;
  /** Longest operation, and longest wait for the one before it (ms). */
  readonly timeoutMs?: number;
}

/** An operation that has gone on for this share of its time stops before the next letter, so as to end in order. */
const workShare = 0.8;
/** A letter that no queue takes must not use up the time of the others. */
const publishShare = 0.15;
const closeTimeoutMs = 2_000;
const [giveBackMs, pollMs] = [500, 5];

export class AmqpDeadLetterAdmin implements DeadLetterAdmin {
  readonly #timeoutMs: number;
  readonly #mutex: Mutex;
  readonly #closed = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(private readonly options: AmqpAdminOptions) {
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#mutex = new Mutex(options.clock, this.#timeoutMs);
  }

  list<T = DeadLetter>(
    { limit, filter, signal }: ListOptions,
    show: (letter: DeadLetter) => T = (letter) => letter as T,
  ): Promise<Listed<T>> {
    return this.#act(signal, async ({ channel, queue, total, stop }) => {
      const letters: T[] = [];
      const selection = { ...this.#selection(filter, stop), limit };
      for await (const letter of list(channel, queue, selection)) letters.push(show(letter));
      return { result: { letters, total }, removed: 0 };
    });
  }

  replay({ filter, signal }: AdminOptions): Promise<Replays> {
    const { config, name, clock, random } = this.options;
    return this.#act(signal, async ({ channel, queue, stop }) => {
      const publisher = new ConfirmPublisher({
        ...{ url: config.RABBITMQ_URL, name: `${name} replay`, topology: eventTopology(config), clock, random },
        giveUpAfterMs: this.#timeoutMs * publishShare,
        log: silentLog,
      });
      // While the broker blocks publishers, no time of the publisher's own runs.
      untilAborted(stop).then(() => publisher.close());
      const counts = { replayed: 0, refused: 0, failed: 0 };
      let problem: string | undefined;
      try {
        const selection = this.#selection(filter, stop);
        const how = { exchange: config.EVENTS_EXCHANGE, publisher, clock, rate: undefined, force: false };
        for await (const replayed of replay(channel, queue, { ...selection, ...how })) {
          counts[replayed.result]++;
          if (replayed.result === "failed") problem ??= replayed.problem;
        }
      } finally {
        await publisher.close();
      }
      const result = { ...counts, ...(problem !== undefined && { problem }) };
      return { result, removed: counts.replayed };
    });
  }

  drop({ filter, signal }: AdminOptions): Promise<number> {
    return this.#act(signal, async ({ channel, queue, stop }) => {
      let dropped = 0;
      for await (const _ of drop(channel, queue, this.#selection(filter, stop))) dropped++;
      return { result: dropped, removed: dropped };
    });
  }

  /** What is under way stops, and has 2 s to end in order. */
  async close(): Promise<void> {
    this.#closed.abort(new AdminClosed());
    await settledWithin(closeTimeoutMs, this.options.clock, Promise.allSettled(this.#running));
  }

  #selection(filter: AdminOptions["filter"], stop: AbortSignal) {
    return { filter, stop, mostSeen: this.options.mostSeen ?? mostLookedAt };
  }

  async #act<T>(signal: AbortSignal, act: (scene: Scene) => Promise<Done<T>>): Promise<T> {
    const { config: { RABBITMQ_URL: url, DEAD_LETTER_QUEUE: queue }, clock } = this.options;
    const closed = this.#closed.signal;
    const begin = () => {
      const enough = new AbortController();
      const ended = new AbortController();
      clock.sleep(this.#timeoutMs * workShare, ended.signal).then(() => enough.abort(), () => {});
      const stop = AbortSignal.any([signal, closed, enough.signal]);
      const running = onDeadLetterChannel(url, queue, async (channel) => {
        const { messageCount: total } = await channel.checkQueue(queue);
        const { result, removed } = await act({ channel, queue, total, stop });
        await this.#giveBack(channel, queue, total - removed);
        return result;
      }).finally(() => {
        ended.abort();
        this.#running.delete(running);
      });
      this.#running.add(running);
      return running;
    };
    const result = await this.#mutex.take(begin, { waiting: signal, closed });
    signal.throwIfAborted();
    return result;
  }

  /**
   * The broker takes back what was only looked at a moment after it was told so: who looks next would find too few. That
   * somebody else has some of them meanwhile is no reason to wait for long.
   */
  async #giveBack(channel: Channel, queue: string, count: number): Promise<void> {
    const { clock } = this.options;
    channel.nackAll();
    const giveUpAt = clock.monotonic() + giveBackMs;
    while ((await channel.checkQueue(queue)).messageCount < count && clock.monotonic() < giveUpAt) {
      await clock.sleep(pollMs);
    }
  }
}

/** What an operation works on. */
interface Scene {
  readonly channel: Channel;
  readonly queue: string;
  /** Letters that are there when it begins. */
  readonly total: number;
  readonly stop: AbortSignal;
}

interface Done<T> {
  readonly result: T;
  /** Letters that do not come back. */
  readonly removed: number;
}
