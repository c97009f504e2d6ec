/** Events published by the harness itself, so that it knows of each message whether it was confirmed. */
import { ConfirmPublisher } from "../../shared/amqp/publisher.ts";
import { eventTopology } from "../../shared/amqp/topology.ts";
import { systemClock as clock } from "../../shared/clock.ts";
import { encodeEvent } from "../../shared/codec.ts";
import type { Event } from "../../shared/event.ts";
import { seededRandom, systemRandom as random } from "../../shared/random.ts";
import { silentLog } from "../../shared/telemetry/log.ts";
import { type Generated, generateEvents } from "../../publisher/generator.ts";
import type { Ledger } from "./ledger.ts";

export const queues = {
  EVENTS_EXCHANGE: "casino.events",
  EVENTS_QUEUE: "casino.events",
  DEAD_LETTER_QUEUE: "casino.events.dead",
} as const;

export class Batch {
  readonly #publisher: ConfirmPublisher;
  readonly #events: Generator<Generated, never>;

  constructor(url: string, private readonly ledger: Ledger, players = 20, seed = 1) {
    const topology = eventTopology(queues);
    this.#publisher = new ConfirmPublisher({ url, name: "batch", topology, clock, random, log: silentLog });
    this.#events = generateEvents({
      random: seededRandom(seed),
      players,
      firstId: 1n,
      timeMs: (n) => Date.UTC(2024, 5, 28) + n,
    });
  }

  /** @param each called before each message, with how many were sent */
  async publish(count: number, each: (sent: number) => void = () => {}): Promise<void> {
    for (let sent = 0; sent < count; sent++) {
      each(sent);
      for (let room; (room = this.#publisher.room());) await room;
      const { messageId, event } = this.#events.next().value;
      this.#send(messageId, event);
    }
    await this.#publisher.flush();
  }

  async close(): Promise<void> {
    await this.#publisher.close();
  }

  #send(messageId: string, event: Event): void {
    this.ledger.attempt({ messageId, event, reason: undefined });
    this.#publisher.send(
      {
        exchange: queues.EVENTS_EXCHANGE,
        messageId,
        body: encodeEvent(event),
        timestampMs: clock.now(),
        appId: "batch",
      },
      (error) => !error && this.ledger.confirm(messageId),
    );
  }
}
