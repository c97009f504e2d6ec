/** Messages that a night publishes, beside those of the ledger's own generator. */
import { Buffer } from "node:buffer";
import type { Event, EventOf } from "../../../shared/event/event.ts";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import { openConnection } from "../../../shared/rabbitmq/connection.ts";
import { uuidv7 } from "../../../shared/rabbitmq/message_id.ts";
import { systemRandom } from "../../../shared/runtime/random.ts";
import { bet } from "../../fixtures/deliveries.ts";
import { queues } from "../../harness/batch.ts";
import type { System } from "../operations/system.ts";

export interface Message {
  readonly messageId: string;
  readonly body: Uint8Array;
  /** Seconds since 1970. */
  readonly timestamp?: number;
}

let lastId = 700_000n;

/** Makes a bet with an id of its own. */
export function oneBet(fields: Partial<EventOf<"bet">> = {}): Event {
  return bet({ currency: "EUR", ...fields, id: ++lastId });
}

/** @param ageMs how long ago the message was made, by its id and its timestamp; below 0 it is ahead */
export function messageOf(event: Event | Uint8Array, ageMs = 0): Message {
  const madeAt = Date.now() - ageMs;
  const body = event instanceof Uint8Array ? event : encodeEvent(event);
  return { messageId: uuidv7(madeAt, systemRandom.bytes(10)), body, timestamp: Math.floor(madeAt / 1_000) };
}

/** Makes a message whose event the ledger expects to be stored. @param as the event that will be stored */
export function expected(system: System, event: Event, ageMs = 0, as = event): Message {
  const message = messageOf(event, ageMs);
  system.ledger.attempt({ messageId: message.messageId, event: as, reason: undefined });
  system.ledger.confirm(message.messageId);
  return message;
}

/** Resolves when the broker has confirmed all: what it has not confirmed may be lost when the channel closes. */
export async function send(system: System, messages: readonly Message[]): Promise<void> {
  const connection = await openConnection({ url: system.servers.direct.RABBITMQ_URL, name: "casino-test" });
  try {
    const channel = await connection.createConfirmChannel();
    for (const { body, messageId, timestamp } of messages) {
      const options = { messageId, persistent: true, ...timestamp !== undefined && { timestamp } };
      channel.publish(queues.EVENTS_EXCHANGE, "", Buffer.from(body), options);
    }
    await channel.waitForConfirms();
  } finally {
    await connection.close();
  }
}

export function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}
