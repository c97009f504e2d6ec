/** Bugs that the simulation must find. They wrap the product's code, and do not change it. */
import type { EventQueue } from "../../shared/rabbitmq/delivery.ts";
import { uuidv7 } from "../../shared/rabbitmq/message_id.ts";
import type { OutgoingMessage } from "../../shared/rabbitmq/message.ts";
import { ack } from "../../shared/rabbitmq/outcome.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Random } from "../../shared/runtime/random.ts";
import { MemoryRates } from "../../subscriber/rates/memory_rates.ts";
import type { Look } from "../../subscriber/rates/shared_rates.ts";

export interface Mutation {
  /** Replaces the subscriber's queue. */
  readonly queue?: (queue: EventQueue) => EventQueue;
  /** Replaces the rates cache and its lock. */
  readonly cache?: (clock: Clock) => MemoryRates;
  /** Share of database connections that are dropped when their server becomes read-only. */
  readonly droppedShare?: number;
  /** Whether members keep reading beyond the bound of what they may hold. */
  readonly unbounded?: boolean;
  /** Changes the error with which the broker closes a channel over a message. */
  readonly refusal?: (error: Error) => Error;
  /** Changes a message that a replay publishes. */
  readonly replayed?: (message: OutgoingMessage, random: Random) => OutgoingMessage;
}

export const mutations = {
  "ack-before-commit": { queue: (queue) => new AckingEarly(queue) },
  "lock-released-without-token": { cache: (clock) => new CarelessRates(clock) },
  "replay-with-new-message-id": {
    replayed: (message, random) => ({ ...message, messageId: uuidv7(0, random.bytes(10)) }),
  },
  "demoted-connection-kept": { droppedShare: 0 },
  "bodies-read-without-bound": { unbounded: true },
  "refused-letter-taken-for-loss": { refusal: ({ message }) => new Error(message) },
} as const satisfies Record<string, Mutation>;

export type MutationName = keyof typeof mutations;

/** Acks each delivery on arrival, as a consumer without manual acks does. */
class AckingEarly implements EventQueue {
  constructor(private readonly queue: EventQueue) {}

  async take(limit: number, signal: AbortSignal) {
    const taken = await this.queue.take(limit, signal);
    await this.queue.settle(taken.map((delivery) => ({ delivery, outcome: ack })), signal);
    return taken;
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }
}

/** Releases the lock without checking the holder, as `DEL lock` does. */
class CarelessRates extends MemoryRates {
  #token = "";

  override async lookOrLock(token: string, lockTtlMs: number): Promise<Look> {
    const look = await super.lookOrLock(token, lockTtlMs);
    if (look.state === "locked") this.#token = token;
    return look;
  }

  override pause(_token: string, ms: number): Promise<void> {
    return super.pause(this.#token, ms);
  }

  override release(): Promise<void> {
    return super.release(this.#token);
  }
}
