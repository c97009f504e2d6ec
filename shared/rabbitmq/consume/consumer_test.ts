import { strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { ChannelModel, ConsumeMessage } from "amqplib";
import { RecordedLog } from "../../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { seededRandom } from "../../runtime/random.ts";
import { AmqpConsumer } from "./consumer.ts";
import { dead } from "../outcome.ts";
import type { Moved } from "../publish/publish_until_confirmed.ts";

/** A connection whose one channel brings what the test gives it. */
class StubConnection extends EventEmitter {
  bring: (message: ConsumeMessage) => void = () => {};
  /** The client's own connection, which brings nothing. */
  readonly connection = {};

  createChannel = () => {
    const channel = new EventEmitter();
    return Promise.resolve(Object.assign(channel, {
      prefetch: () => Promise.resolve(),
      consume: (_queue: string, take: typeof this.bring) => {
        this.bring = take;
        return Promise.resolve({ consumerTag: "a tag" });
      },
      close: () => Promise.resolve(void channel.emit("close")),
    }));
  };
  close = () => Promise.resolve();
}

Deno.test("AmqpConsumer keeps nothing that the socket brought beside a delivery whose dead letter waits", async () => {
  const connection = new StubConnection();
  const [clock, leave] = [new VirtualClock(), new AbortController()];
  const publish = (_: unknown, __: unknown, signal: AbortSignal) =>
    new Promise<Moved>((resolve) => signal.addEventListener("abort", () => resolve("unfinished")));
  const consumer = new AmqpConsumer({
    ...{ url: "amqp://broker", name: "a consumer", clock, random: seededRandom(1), log: new RecordedLog() },
    ...{ topology: [], queue: "events", prefetch: 10, deadLetters: { publish } },
    connect: () => Promise.resolve(connection as unknown as ChannelModel),
  });
  await clock.advance(0);
  const socket = new ArrayBuffer(65_536);
  connection.bring({
    fields: { deliveryTag: 1, exchange: "", routingKey: "events" },
    properties: { headers: {} },
    content: Buffer.from(socket, 100, 4),
  } as ConsumeMessage);
  const [delivery] = await consumer.take(1, leave.signal);
  strictEqual(reaches(delivery, socket), true);
  const settling = consumer.settle([{ delivery: delivery!, outcome: dead("undecodable", "no event") }], leave.signal);
  strictEqual(reaches(delivery, socket), false);
  leave.abort();
  await settling;
  await consumer.close();
});

/** Whether the value holds the bytes, or a view of them. */
function reaches(value: unknown, bytes: ArrayBuffer, seen = new Set<unknown>()): boolean {
  if (ArrayBuffer.isView(value)) return value.buffer === bytes;
  if (typeof value !== "object" || value === null || seen.has(value)) return false;
  seen.add(value);
  return Reflect.ownKeys(value).some((key) => reaches(Reflect.get(value, key), bytes, seen));
}
