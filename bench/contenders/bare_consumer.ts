/** amqplib alone: takes messages and acks them, many at once. Nothing else can consume faster with this client. */
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import { readConfig } from "../../shared/runtime/configuration/config.ts";
import { Milestones } from "./milestones.ts";

const { RABBITMQ_URL, EVENTS_QUEUE, PREFETCH } = readConfig(
  ["RABBITMQ_URL", "EVENTS_QUEUE", "PREFETCH"],
  (name) => Deno.env.get(name),
);
const ackEvery = PREFETCH / 4;

const milestones = Milestones.fromArgs();
const connection = await openConnection({ url: RABBITMQ_URL, name: "bare consumer" });
const channel = await connection.createChannel();
await channel.prefetch(PREFETCH);
let taken = 0;
await channel.consume(EVENTS_QUEUE, (message) => {
  taken++;
  if (taken % ackEvery === 0 || milestones.isAt(taken)) channel.ack(message!, true);
  milestones.reached(taken);
});
