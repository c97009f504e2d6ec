/** amqplib alone: the same messages, encoded in advance, with the same limit of unconfirmed messages. */
import { Buffer } from "node:buffer";
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import { publishOptions } from "../../shared/rabbitmq/message.ts";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import { readConfig } from "../../shared/runtime/configuration/config.ts";
import { seededRandom } from "../../shared/runtime/random.ts";
import { generateEvents } from "../../publisher/generator.ts";

const { RABBITMQ_URL, EVENTS_EXCHANGE } = readConfig(["RABBITMQ_URL", "EVENTS_EXCHANGE"], (name) => Deno.env.get(name));
const [count = 0, window = 0] = Deno.args.map(Number);
const timeMs = () => Date.UTC(2024, 5, 28);
const source = generateEvents({ random: seededRandom(1), players: 1_000, firstId: 1n, timeMs });
const messages = Array.from({ length: count }, () => {
  const { messageId, event } = source.next().value;
  const message = {
    exchange: EVENTS_EXCHANGE,
    messageId,
    body: encodeEvent(event),
    timestampMs: 0,
    appId: "publisher",
  };
  return { body: Buffer.from(message.body), options: publishOptions(message) };
});

const connection = await openConnection({ url: RABBITMQ_URL, name: "bare publisher" });
const channel = await connection.createConfirmChannel();
const begun = performance.now();
let confirmed = 0;
let sent = 0;
const { promise: done, resolve, reject } = Promise.withResolvers<void>();
const onConfirm = (error: Error | null) => {
  if (error) return reject(error);
  confirmed++;
  if (confirmed === count) resolve();
  else send();
};
function send(): void {
  while (sent < count && sent - confirmed < window) {
    const { body, options } = messages[sent++]!;
    channel.publish(EVENTS_EXCHANGE, "", body, options, onConfirm);
  }
}
send();
await done;
console.log(`confirmed ${confirmed} in ${(performance.now() - begun) / 1000} s`);
await connection.close();
