/** Events published by the harness itself, so that it knows of each message whether it was confirmed. */
import { deepStrictEqual } from "node:assert/strict";
import { ConfirmPublisher } from "../../shared/rabbitmq/publisher.ts";
import { eventTopology } from "../../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import type { Event } from "../../shared/event/event.ts";
import { seededRandom, systemRandom as random } from "../../shared/runtime/random.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { type Generated, generateEvents } from "../../publisher/generator.ts";
import { Ledger } from "./ledger.ts";
import { PrivateWorld } from "./private_world.ts";

export const queues = {
  EVENTS_EXCHANGE: "casino.events",
  EVENTS_QUEUE: "casino.events",
  DEAD_LETTER_QUEUE: "casino.events.dead",
} as const;

/** For longer than any fault lasts: what is given up would have to be published again. */
const patienceMs = 180_000;

export class Batch {
  readonly #publisher: ConfirmPublisher;
  readonly #events: Generator<Generated, never>;

  constructor(url: string, private readonly ledger: Ledger, players = 20, seed = 1) {
    const topology = eventTopology(queues);
    const options = { url, name: "batch", topology, clock, random, log: silentLog };
    this.#publisher = new ConfirmPublisher({ ...options, giveUpAfterMs: patienceMs });
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

/** A world with a rates API, subscribers that report into the ledger, and a way to publish into it. */
export async function withBatch(
  use: (world: PrivateWorld, batch: Batch, ledger: Ledger) => Promise<void>,
  subscribers = 2,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await using world = await PrivateWorld.start(env);
  const ledger = new Ledger();
  await world.startRatesApi();
  const onLine = (line: string) => ledger.report(line);
  for (let n = 1; n <= subscribers; n++) world.startSubscriber(`subscriber-${n}`, {}, { onLine });
  const batch = new Batch(world.env["RABBITMQ_URL"]!, ledger);
  await use(world, batch, ledger);
  await batch.close();
}

/** Every confirmed event is a row, once, as it was published, and in a report; nothing is dead, and the totals are right. */
export async function checkAllStored(world: PrivateWorld, ledger: Ledger, count: number): Promise<void> {
  await world.untilSettled(ledger, queues.DEAD_LETTER_QUEUE);
  await world.members.stopAll();
  const { problems, ...counts } = await world.count(ledger, queues.DEAD_LETTER_QUEUE);
  deepStrictEqual(problems, []);
  const none = { dead: 0, lost: 0, unexpected: 0, duplicated: 0, unreported: 0 };
  deepStrictEqual(counts, { attempted: count, confirmed: count, stored: count, ...none });
  deepStrictEqual(world.crashes, []);
}
