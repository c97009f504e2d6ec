/** Bugs that the simulation must find. The product's own code stays as it is. */
import type { EventQueue } from "../../shared/rabbitmq/delivery.ts";
import { uuidv7 } from "../../shared/rabbitmq/message_id.ts";
import type { OutgoingMessage } from "../../shared/rabbitmq/message.ts";
import { ack } from "../../shared/rabbitmq/outcome.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Random } from "../../shared/runtime/random.ts";
import { MemoryRates } from "../../subscriber/rates/memory_rates.ts";
import type { Look } from "../../subscriber/rates/shared_rates.ts";

export interface Mutation {
  /** In the place of the subscriber's queue. */
  readonly queue?: (queue: EventQueue) => EventQueue;
  /** In the place of the rates cache and its lock. */
  readonly cache?: (clock: Clock) => MemoryRates;
  /** How often a connection to the database is dropped when its server takes no writes. */
  readonly droppedShare?: number;
  /** Whether members read on, however much they have in hand. */
  readonly unbounded?: boolean;
  /** Changes an error by which the broker closes a channel over a message. */
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

/** Acks each delivery when it is taken, as a consumer without manual acks would. */
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

/** Gives the lock back whosever it is, as `DEL lock` does. */
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
