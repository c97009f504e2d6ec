import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { ChannelModel, ConsumeMessage } from "amqplib";
import { RecordedLog } from "../../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { seededRandom } from "../../runtime/random.ts";
import { AmqpConsumer } from "./consumer.ts";
import { ack, dead } from "../outcome.ts";
import type { Moved } from "../publish/publish_until_confirmed.ts";

/** A connection with one channel that delivers the test's messages. */
class StubConnection extends EventEmitter {
  bring: (message: ConsumeMessage) => void = () => {};
  /** amqplib's inner connection, which always has another frame. */
  readonly connection = { rest: Buffer.alloc(0), stream: new EventEmitter(), recvFrame: () => ({}) };

  createChannel = () => {
    const channel = new EventEmitter();
    return Promise.resolve(Object.assign(channel, {
      prefetch: () => Promise.resolve(),
      ack: () => {},
      consume: (_queue: string, take: typeof this.bring) => {
        this.bring = take;
        return Promise.resolve({ consumerTag: "a tag" });
      },
      close: () => Promise.resolve(void channel.emit("close")),
    }));
  };
  close = () => Promise.resolve();
}

type Publish = (_: unknown, __: unknown, signal: AbortSignal) => Promise<Moved>;

async function consumerOn(connection: StubConnection, publish: Publish): Promise<AmqpConsumer> {
  const clock = new VirtualClock();
  const consumer = new AmqpConsumer({
    ...{ url: "amqp://broker", name: "a consumer", clock, random: seededRandom(1), log: new RecordedLog() },
    ...{ topology: [], queues: ["events"], prefetch: 10, deadLetters: { publish } },
    connect: () => Promise.resolve(connection as unknown as ChannelModel),
  });
  await clock.advance(0);
  return consumer;
}

Deno.test("AmqpConsumer retains only its own bytes for a delivery whose dead letter waits", async () => {
  const connection = new StubConnection();
  const leave = new AbortController();
  const publish: Publish = (_, __, signal) =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve("unfinished")));
  const consumer = await consumerOn(connection, publish);
  const socket = new ArrayBuffer(65_536);
  connection.bring({
    fields: { deliveryTag: 1, exchange: "", routingKey: "events" },
    properties: { headers: { bytes: Buffer.from(socket, 110, 4), list: [{ bytes: Buffer.from(socket, 120, 4) }] } },
    content: Buffer.from(socket, 100, 4),
  } as unknown as ConsumeMessage);
  const [delivery] = await consumer.take(1, leave.signal);
  strictEqual(reaches(delivery, socket), true);
  const settling = consumer.settle([{ delivery: delivery!, outcome: dead("undecodable", "no event") }], leave.signal);
  strictEqual(reaches(delivery, socket), false);
  leave.abort();
  await settling;
  await consumer.close();
});

Deno.test("AmqpConsumer stops reading while headers fill its byte limit, until their letters are confirmed", async () => {
  const [connection, { signal }] = [new StubConnection(), new AbortController()];
  const confirmed = Promise.withResolvers<Moved>();
  const consumer = await consumerOn(connection, () => confirmed.promise);
  const isReading = () => Boolean(connection.connection.recvFrame());
  const bring = (headers: Readonly<Record<string, unknown>>) => {
    let count = 0;
    for (; count < 2_000 && isReading(); count++) {
      connection.bring({
        ...{ fields: { deliveryTag: count + 1, exchange: "", routingKey: "" }, properties: { headers } },
        content: Buffer.alloc(0),
      } as unknown as ConsumeMessage);
    }
    return count;
  };
  strictEqual(bring({ note: "short" }), 2_000);
  const none = await consumer.take(3_000, signal);
  await consumer.settle(none.map((delivery) => ({ delivery, outcome: ack })), signal);

  const count = bring({ note: "x".repeat(60_000) });
  ok(count < 100, `${count} messages with 60 KB`);
  const taken = await consumer.take(3_000, signal);
  let readable = 0;
  connection.connection.stream.on("readable", () => readable++);
  const settling = consumer.settle(
    taken.map((delivery) => ({ delivery, outcome: dead("undecodable", "no event") })),
    signal,
  );
  strictEqual(isReading(), false, "their letters are under way");
  confirmed.resolve("confirmed");
  await settling;
  deepStrictEqual([readable, isReading()], [1, true]);
  await consumer.close();
});

/** Whether the value references the bytes or a view of them. */
function reaches(value: unknown, bytes: ArrayBuffer, seen = new Set<unknown>()): boolean {
  if (ArrayBuffer.isView(value)) return value.buffer === bytes;
  if (typeof value !== "object" || value === null || seen.has(value)) return false;
  seen.add(value);
  return Reflect.ownKeys(value).some((key) => reaches(Reflect.get(value, key), bytes, seen));
}
