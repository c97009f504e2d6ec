/**
 * npm:rabbitmq-client with the same work in its handler. Its documentation advises a `concurrency` of at most the prefetch
 * (README, "Consumer"); of the values tried (10, 100, 500), this one was the fastest.
 */
import { Connection } from "rabbitmq-client";
import { readConfig } from "../../shared/runtime/configuration/config.ts";
import { Milestones } from "./milestones.ts";
import { oneByOne } from "./one_by_one.ts";

const { RABBITMQ_URL, EVENTS_QUEUE, DATABASE_URL } = readConfig(
  ["RABBITMQ_URL", "EVENTS_QUEUE", "DATABASE_URL"],
  (name) => Deno.env.get(name),
);
const concurrency = Number(Deno.env.get("CONCURRENCY") ?? 100);
const milestones = Milestones.fromArgs();
const process = oneByOne(DATABASE_URL, Number(Deno.env.get("CONNECTIONS") ?? 10));
const connection = new Connection(RABBITMQ_URL);
let stored = 0;
connection.createConsumer(
  { queue: EVENTS_QUEUE, queueOptions: { passive: true }, qos: { prefetchCount: concurrency }, concurrency },
  async ({ messageId, body }) => {
    await process(messageId!, body);
    milestones.reached(++stored);
  },
);
