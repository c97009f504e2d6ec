/** Events that the harness itself publishes, so that it knows for each message whether the broker confirmed it. */
import { deepStrictEqual } from "node:assert/strict";
import { generateEvents } from "../../publisher/generator.ts";
import type { Event } from "../../shared/event/event.ts";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import { msOfTimestamp } from "../../shared/event/timestamp.ts";
import { messageIdOfBody } from "../../shared/rabbitmq/message_id.ts";
import { ConfirmPublisher } from "../../shared/rabbitmq/publish/publisher.ts";
import { type EventRouting, eventRouting } from "../../shared/rabbitmq/shards.ts";
import { eventTopology } from "../../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { seededRandom, systemRandom as random } from "../../shared/runtime/random.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { type Counts, Ledger } from "./ledger.ts";
import { PrivateWorld } from "./private_world.ts";

export const queues = {
  EVENTS_EXCHANGE: "casino.events",
  EVENTS_QUEUE: "casino.events.queue",
  DEAD_LETTER_QUEUE: "casino.events.dead",
} as const;

/** Longer than any fault lasts. The harness would have to republish a message that times out. */
const giveUpAfterMs = 180_000;

export interface MadeEvent {
  readonly event: Event;
  readonly body: Uint8Array;
  /** Derived from the content, as the publisher derives it for a file's events. */
  readonly messageId: string;
}

/** Generates events; the same seed gives the same events. */
export function* makeEvents(seed: number, firstId: bigint, players = 20): Generator<MadeEvent, never> {
  const timeMs = (n: number) => Date.UTC(2024, 5, 28) + n;
  const events = generateEvents({ random: seededRandom(seed), players, firstId, timeMs });
  while (true) {
    const { event } = events.next().value;
    const body = encodeEvent(event);
    yield { event, body, messageId: messageIdOfBody(body, msOfTimestamp(event.createdAt)) };
  }
}

export class Batch {
  readonly #publisher: ConfirmPublisher;
  readonly #events: Generator<MadeEvent, never>;

  readonly #routing: EventRouting;

  constructor(url: string, private readonly ledger: Ledger, seed = 1, firstId = 1n, shards = 1) {
    const config = { ...queues, EVENTS_SHARDS: shards };
    const topology = eventTopology(config);
    this.#routing = eventRouting(config);
    this.#publisher = new ConfirmPublisher({
      ...{ url, name: "batch", topology, clock, random, log: silentLog, giveUpAfterMs },
    });
    this.#events = makeEvents(seed, firstId);
  }

  /** Resolves once all messages are confirmed. @param each called before each message, with the number sent so far */
  async publish(count: number, each: (sent: number) => void = () => {}): Promise<void> {
    const { exchange, routingKeyOf } = this.#routing;
    for (let sent = 0; sent < count; sent++) {
      each(sent);
      for (let room; (room = this.#publisher.room());) await room;
      const { messageId, event, body } = this.#events.next().value;
      this.ledger.attempt({ messageId, event, reason: undefined });
      this.#publisher.send(
        {
          ...{ exchange, routingKey: routingKeyOf(event.playerId), messageId, body },
          ...{ timestampMs: clock.now(), appId: "batch" },
        },
        (error) => !error && this.ledger.confirm(messageId),
      );
    }
    await this.#publisher.flush();
  }

  async close(): Promise<void> {
    await this.#publisher.close();
  }
}

/** Runs `use` with a world with a rates API and subscribers that report into the ledger, and with a way to publish. */
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
  const batch = new Batch(world.env["RABBITMQ_URL"]!, ledger, 1, 1n, Number(env["EVENTS_SHARDS"] ?? 1));
  await use(world, batch, ledger);
  await batch.close();
}

/** Waits until all messages are settled, stops the members, and asserts {@linkcode checkCounts}. */
export async function checkAllStored(world: PrivateWorld, ledger: Ledger, count: number): Promise<void> {
  await world.untilSettled(ledger, queues.DEAD_LETTER_QUEUE);
  await world.members.stopAll();
  checkCounts(await world.count(ledger, queues.DEAD_LETTER_QUEUE), count);
  deepStrictEqual(world.crashes, []);
}

/**
 * Asserts that each confirmed event is stored once, as published, and reported, with no dead letter and correct totals.
 */
export function checkCounts({ problems, ...counts }: Counts, count: number): void {
  deepStrictEqual(problems, []);
  const none = { dead: 0, lost: 0, unexpected: 0, duplicated: 0, unreported: 0 };
  deepStrictEqual(counts, { attempted: count, confirmed: count, stored: count, ...none });
}
