/** The publishers of a run: valid and bad events during the faults, and the replay of dead letters afterwards. */
import { Buffer } from "node:buffer";
import type { GetMessage } from "amqplib";
import { generateEvents } from "../../publisher/generator.ts";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import { type DeadLetter, understand } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { mostBodyBytes } from "../../shared/rabbitmq/consume/inflow.ts";
import { replay } from "../../shared/rabbitmq/dead/replay.ts";
import { uuidv7 } from "../../shared/rabbitmq/message_id.ts";
import type { OutgoingMessage } from "../../shared/rabbitmq/message.ts";
import { ConfirmPublisher } from "../../shared/rabbitmq/publish/publisher.ts";
import { eventRouting } from "../../shared/rabbitmq/shards.ts";
import { eventTopology } from "../../shared/rabbitmq/topology.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { bet } from "../fixtures/deliveries.ts";
import { names } from "./broker.ts";
import { asChannelModel } from "./connection.ts";
import type { Published } from "./invariants.ts";
import { poisonous, type World } from "./world.ts";

const count = 60;
const badShare = 0.1;
/** Bodies that are not events, shared by all messages. */
const [longBody, heavyBody, unreadBody] = [5_000, 1_000_000, mostBodyBytes + 1].map((bytes) =>
  Buffer.alloc(bytes, 0xff)
) as [Buffer, Buffer, Buffer];
/** Number of heavy bodies from another publisher: more than one subscriber may hold. */
const heavyCount = 200;
const curable = ["rates-timeout", "delivery-limit"];

/** An owner that is never paused and never killed. */
const passive = { run: (arrived: () => void) => arrived(), hasAbandoned: false };

export function openPublisher(world: World, name: string): ConfirmPublisher {
  const { clock, random } = world;
  return new ConfirmPublisher({
    ...{ clock, random, log: silentLog, name, url: "amqp://simulated" },
    connect: async () => asChannelModel(await world.connect(passive)),
    topology: eventTopology({ ...names, EVENTS_SHARDS: world.shards }),
    maxInFlight: 20,
    giveUpAfterMs: 20_000,
  });
}

/** Publishes valid and bad events for the duration of the faults, and waits for their confirms. */
export async function publishOverTime(world: World, publisher: ConfirmPublisher, troubleMs: number): Promise<void> {
  const { clock, random, ledger, shards } = world;
  const { exchange, routingKeyOf } = eventRouting({ ...names, EVENTS_SHARDS: shards });
  const events = generateEvents({ random, players: 8, firstId: 1n, timeMs: () => clock.now() });
  for (let n = 0; n < count; n++) {
    await clock.sleep(random.int(0, 2 * (troubleMs - 5_000) / count));
    await publisher.room();
    const { event } = events.next().value;
    const messageId = uuidv7(n, random.bytes(10));
    const [published, body] = random.next() < badShare ? bad(n) : [{ event }, encodeEvent(event)];
    ledger.published.set(messageId, published);
    publisher.send(
      {
        ...{ exchange, routingKey: routingKeyOf(event.playerId), messageId, body },
        ...{ timestampMs: clock.now(), appId: "simulation" },
      },
      (error) => !error && ledger.confirmed.add(messageId),
    );
  }
  await publisher.flush();
}

function bad(n: number): [Published, Uint8Array] {
  if (n % 4 === 3) return [{ reason: "store-rejected" }, encodeEvent(poisonous(1_000_000n + BigInt(n)))];
  if (n % 6 === 0) return [{ reason: "rejected" }, unreadBody];
  // When the broker refuses the subscriber's letter, the subscriber rejects the message and the broker dead-letters it.
  if (n % 6 === 3) return [{ reason: "undecodable", orReason: "rejected" }, longBody];
  if (n % 12 === 1) return [{ reason: "undecodable" }, Uint8Array.from([0xff, 0x01, 0x80])];
  if (n % 3 === 1) return [{ reason: "invalid" }, new Uint8Array()];
  return [{ reason: "unknown-currency" }, encodeEvent(bet({ id: 1_000_000n + BigInt(n), currency: "XTS" }))];
}

/** Publishes the heavy bodies at once, as after an outage of the broker. */
export function publishHeavy({ broker, ledger, random }: World): void {
  for (let n = 0; n < heavyCount; n++) {
    const messageId = uuidv7(n, random.bytes(10));
    ledger.published.set(messageId, { reason: "undecodable", orReason: "rejected" });
    if (!broker.publish(names.EVENTS_EXCHANGE, "", heavyBody, { messageId, persistent: true })) return;
    ledger.confirmed.add(messageId);
  }
}

/** Replays with the code of `deno task dead replay`. @returns the number of replayed letters */
export async function replayCurable(world: World): Promise<number> {
  const publisher = openPublisher(world, "replay");
  const connection = asChannelModel(await world.connect(passive));
  const channel = await connection.createChannel();
  const changed = (message: OutgoingMessage) => world.mutation?.replayed?.(message, world.random) ?? message;
  const inHand = new Map<DeadLetter, GetMessage>();
  const source = {
    async *take() {
      const { messageCount } = await channel.checkQueue(names.DEAD_LETTER_QUEUE);
      for (let n = 0; n < messageCount; n++) {
        const message = await channel.get(names.DEAD_LETTER_QUEUE);
        if (!message) return;
        const letter = understand(message);
        inHand.set(letter, message);
        if (curable.includes(letter.reason)) yield [letter];
      }
    },
    whole: (letter: DeadLetter) => Promise.resolve(letter),
    // The letters stay unsettled.
    kept: () => Promise.resolve(),
    replayed(letters: readonly DeadLetter[]) {
      for (const letter of letters) channel.ack(inHand.get(letter)!);
      return Promise.resolve();
    },
  };
  const replayed = await Array.fromAsync(replay(source, {
    stop: new AbortController().signal,
    ...{ exchange: names.EVENTS_EXCHANGE, shards: world.shards },
    publisher: { publish: (message) => publisher.publish(changed(message)) },
    clock: world.clock,
    rate: undefined,
    force: true,
  }));
  await connection.close();
  await publisher.close();
  return replayed.filter(({ result }) => result === "replayed").length;
}

/** Returns the reason of each message in the dead letter queue. */
export function deadReasons({ broker }: World): ReadonlyMap<string, string> {
  return new Map(
    broker.peek(names.DEAD_LETTER_QUEUE).map(({ body, properties }) => {
      const { messageId, reason } = understand({ content: body, properties } as unknown as GetMessage);
      return [messageId, reason];
    }),
  );
}
