/** amqplib with a prefetch of 100 and an async callback, which most people write: up to 100 events are under way at once. */
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import { readConfig } from "../../shared/runtime/configuration/config.ts";
import { Milestones } from "./milestones.ts";
import { oneByOne } from "./one_by_one.ts";

const { RABBITMQ_URL, EVENTS_QUEUE, DATABASE_URL } = readConfig(
  ["RABBITMQ_URL", "EVENTS_QUEUE", "DATABASE_URL"],
  (name) => Deno.env.get(name),
);
const serial = Deno.env.get("SERIAL") === "true";
const milestones = Milestones.fromArgs();
const process = oneByOne(DATABASE_URL, 10);
const connection = await openConnection({ url: RABBITMQ_URL, name: "naive subscriber" });
const channel = await connection.createChannel();
await channel.prefetch(100);
let stored = 0;
let last: Promise<void> = Promise.resolve();
await channel.consume(EVENTS_QUEUE, async (message) => {
  const { properties, content } = message!;
  const before = last;
  const { promise, resolve } = Promise.withResolvers<void>();
  if (serial) last = promise;
  if (serial) await before;
  await process(properties.messageId, content);
  channel.ack(message!);
  milestones.reached(++stored);
  resolve();
});
