/**
 * `consumers.ts NAME WARM MEASURED`: other ways to write a subscriber. Each prints `warm` after its first WARM events
 * and `done` after MEASURED more, and keeps running. Only the contender that needs a module loads it, because memory is
 * measured.
 */
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import { readConfig } from "../../shared/runtime/configuration/config.ts";

const { RABBITMQ_URL, EVENTS_QUEUE, DATABASE_URL, PREFETCH } = readConfig(
  ["RABBITMQ_URL", "EVENTS_QUEUE", "DATABASE_URL", "PREFETCH"],
  (name) => Deno.env.get(name),
);
const [name = "", ...counts] = Deno.args;
const [warm = 0, measured = 0] = counts.map(Number);
const all = warm + measured;

function reached(events: number): void {
  if (events === warm) console.log("warm");
  else if (events === all) console.log("done");
}

async function openChannel(prefetch: number) {
  const connection = await openConnection({ url: RABBITMQ_URL, name: `bench ${name}` });
  const channel = await connection.createChannel();
  await channel.prefetch(prefetch);
  return channel;
}

const consumers: Readonly<Record<string, () => Promise<void>>> = {
  /** amqplib alone: takes messages and acks many at once. With this client nothing can consume faster. */
  async bare() {
    const channel = await openChannel(PREFETCH);
    const ackEvery = PREFETCH / 4;
    let taken = 0;
    await channel.consume(EVENTS_QUEUE, (message) => {
      taken++;
      if (taken % ackEvery === 0 || taken === warm || taken === all) channel.ack(message!, true);
      reached(taken);
    });
  },

  /** amqplib with a prefetch of 100 and an async callback, as most people write it: up to 100 events are in flight. */
  async naive() {
    const { oneByOne } = await import("./one_by_one.ts");
    const process = oneByOne(DATABASE_URL);
    const channel = await openChannel(100);
    let stored = 0;
    await channel.consume(EVENTS_QUEUE, async (message) => {
      await process(message!.properties.messageId, message!.content);
      channel.ack(message!);
      reached(++stored);
    });
  },

  /** Like `naive`, but awaits each event before the next. */
  async serial() {
    const { oneByOne } = await import("./one_by_one.ts");
    const process = oneByOne(DATABASE_URL);
    const channel = await openChannel(100);
    let stored = 0;
    let last = Promise.resolve();
    await channel.consume(EVENTS_QUEUE, (message) => {
      last = last.then(async () => {
        await process(message!.properties.messageId, message!.content);
        channel.ack(message!);
        reached(++stored);
      });
    });
  },

  /**
   * npm:rabbitmq-client with the same work in its handler. Its documentation advises a `concurrency` of at most the
   * prefetch (README, "Consumer"). Of the values tried (10, 100, 500), this value was the fastest.
   */
  async peer() {
    const [{ Connection }, { oneByOne }] = await Promise.all([import("rabbitmq-client"), import("./one_by_one.ts")]);
    const process = oneByOne(DATABASE_URL);
    const concurrency = 100;
    let stored = 0;
    new Connection(RABBITMQ_URL).createConsumer(
      { queue: EVENTS_QUEUE, queueOptions: { passive: true }, qos: { prefetchCount: concurrency }, concurrency },
      async ({ messageId, body }) => {
        await process(messageId!, body);
        reached(++stored);
      },
    );
  },
};

await consumers[name]!();
