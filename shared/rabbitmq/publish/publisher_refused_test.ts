import { EventEmitter } from "node:events";
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { ChannelModel } from "amqplib";
import { RecordedLog } from "../../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { seededRandom } from "../../runtime/random.ts";
import { ConfirmPublisher } from "./publisher.ts";

type Confirm = (error: Error | null) => void;

/** A broker whose channels answer each message at once: with a negative confirm if `refuses(channel, exchange)`. */
function openPublisher(clock: VirtualClock, refuses: (channel: number, exchange: string) => boolean) {
  /** When each channel was opened, in monotonic ms. */
  const opened: number[] = [];
  const connect = () => {
    const channel = opened.push(clock.monotonic());
    const publish = (exchange: string, _key: string, _body: unknown, _options: unknown, confirm: Confirm) =>
      queueMicrotask(() => confirm(refuses(channel, exchange) ? new Error("message nacked") : null));
    const createConfirmChannel = () => Promise.resolve(Object.assign(new EventEmitter(), { publish }));
    const model = Object.assign(new EventEmitter(), { createConfirmChannel, close: () => Promise.resolve() });
    return Promise.resolve(model as unknown as ChannelModel);
  };
  const publisher = new ConfirmPublisher({
    ...{ url: "amqp://broker", name: "a publisher", clock, random: seededRandom(1), log: new RecordedLog() },
    ...{ topology: [], connect, giveUpAfterMs: 600_000 },
  });
  return { publisher, opened };
}

const message = (exchange: string) => ({
  exchange,
  messageId: exchange,
  body: new Uint8Array(),
  timestampMs: 0,
  appId: "",
});

Deno.test("ConfirmPublisher sends a message that one channel keeps refusing over another channel", async () => {
  const clock = new VirtualClock();
  const { publisher, opened } = openPublisher(clock, (channel) => channel === 1);
  let confirmed = false;
  publisher.publish(message("events")).then(() => confirmed = true);
  await clock.advance(4_900);
  deepStrictEqual([confirmed, opened.length], [false, 1], "the queue may have a leader again soon");
  await clock.advance(5_000);
  deepStrictEqual([confirmed, opened.length], [true, 2]);
  const closed = publisher.close();
  await clock.advance(10_000);
  await closed;
});

Deno.test("ConfirmPublisher opens fewer and fewer channels while a queue is full, and publishes to other queues", async () => {
  const clock = new VirtualClock();
  // The full queue takes a message now and then.
  const refuses = (_: number, exchange: string) => exchange === "full" && clock.monotonic() % 7_000 > 500;
  const { publisher, opened } = openPublisher(clock, refuses);
  for (let n = 0; n < 600; n++) {
    publisher.publish(message("full")).catch(() => {});
    const sent = publisher.publish(message(`another ${n}`));
    await clock.advance(1_000);
    await sent;
  }
  strictEqual(opened.length <= 14, true, `${opened.length} channels in ten minutes`);
  const closed = publisher.close();
  await clock.advance(10_000);
  await closed;
});
