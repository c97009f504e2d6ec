/** A subscriber under the memory limit of deploy/kubernetes, in a cgroup like the kubelet's. */
import { Buffer } from "node:buffer";
import { deepStrictEqual } from "node:assert/strict";
import { eventually } from "../../fixtures/eventually.ts";
import { queues } from "../../harness/batch.ts";
import { asOperator, tokensFile, urlOf } from "../../harness/http.ts";
import { MemoryLimit } from "../../harness/memory_limit.ts";
import { sharedWorld, type TestWorld } from "./shared_world.ts";

const test = sharedWorld();

const limit = await MemoryLimit.ofSubscriber();

Deno.test.afterAll(() => limit?.[Symbol.asyncDispose]());

async function sendBodies(
  { world, batch }: TestWorld,
  count: number,
  bytes: number,
  headers: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  // Declares the queues.
  await batch.publish(1);
  await world.withChannel(async (channel) => {
    const body = Buffer.alloc(bytes, 0xff);
    for (let i = 0; i < count; i++) {
      // Two equal bodies within a second would be one letter.
      if (body.length >= 8) body.writeUInt32BE(i, 4);
      channel.publish(queues.EVENTS_EXCHANGE, "", body, { headers });
      await channel.checkQueue(queues.EVENTS_QUEUE);
    }
  });
  await batch.publish(300);
}

async function isDone({ world }: TestWorld, stored: number, dead: number): Promise<boolean> {
  return await world.rows() === stored && await world.messagesIn(queues.DEAD_LETTER_QUEUE) >= dead;
}

test("a subscriber survives 60 bodies of 15 MiB, and stores the events behind them", async (given) => {
  await sendBodies(given, 60, 15 * 1_048_576);
  const subscriber = limit!.around(() => given.start("one"));
  await eventually("every event and letter", () => isDone(given, 301, 60));
  deepStrictEqual(given.world.crashes, []);
  const left = subscriber.records.filter(({ event }) => event === "message.left_to_broker");
  deepStrictEqual(left.length, 60);
}, { ignore: !limit });

test("a subscriber survives 2,000 bodies of 256 KiB while the broker takes no letters for a while", async (given) => {
  const { servers } = given.world;
  await sendBodies(given, 2_000, 256 * 1_024);
  await servers.rabbitmqctl("set_vm_memory_high_watermark", "0.00001");
  const subscriber = limit!.around(() => given.start("one"));
  await given.world.members.untilLogged(subscriber, "publisher.blocked");
  // The broker closes a connection that reads nothing for half a minute. It must not have to close the next one.
  await new Promise((resolve) => setTimeout(resolve, 70_000));
  const lost = subscriber.records.filter(({ event }) => event === "broker.unreachable").length;
  deepStrictEqual([given.world.crashes, lost <= 1], [[], true], `${lost} connections`);
  await servers.rabbitmqctl("set_vm_memory_high_watermark", "0.4");
  await eventually("every event and letter", () => isDone(given, 301, 2_000));
  deepStrictEqual(given.world.crashes, []);
}, { ignore: !limit });

/** Each header is 60 KB on the wire. Empty tables take the most memory for each byte. */
const largeHeaders = [
  { what: "a text of 60 KB", count: 3_000, headers: { note: "x".repeat(60_000) } },
  { what: "12,000 empty tables", count: 500, headers: { list: Array.from({ length: 12_000 }, () => ({})) } },
];

for (const { what, count, headers } of largeHeaders) {
  test(`a subscriber survives ${count} bodies with headers of ${what}`, async (given) => {
    const { world } = given;
    await sendBodies(given, count, 10, headers);
    limit!.around(() => given.start("one"));
    await eventually(
      "a kill, or every letter",
      async () => world.crashes.length > 0 || await isDone(given, 301, count),
    );
    deepStrictEqual(world.crashes, []);
  }, { ignore: !limit });
}

test("a subscriber survives listing, showing and replaying 4 letters of 15 MiB over HTTP", async (given) => {
  const { world, start } = given;
  await sendBodies(given, 4, 15 * 1_048_576);
  const subscriber = limit!.around(() => start("one", { HTTP_TOKENS_FILE: tokensFile }, { http: "127.0.0.1:0" }));
  await eventually("every event and letter", () => isDone(given, 301, 4));
  await world.members.untilLogged(subscriber, "http.ready");
  const letters = `${urlOf(subscriber)}/dead-letters`;
  const lists = await Promise.all(Array.from({ length: 5 }, () => asOperator(`${letters}?limit=100`)));
  deepStrictEqual(lists.map(({ dead_letters: shown }) => shown.length), [4, 4, 4, 4, 4]);
  for (const { message_id, body_bytes } of lists[0].dead_letters) {
    const shown = await asOperator(`${letters}/${message_id}`);
    deepStrictEqual([body_bytes, shown.body_bytes, atob(shown.body_base64).length], [
      15_728_640,
      15_728_640,
      1_048_576,
    ]);
  }
  deepStrictEqual(await asOperator(`${letters}/replay?all=true`, "POST"), { replayed: 4, refused: 0, failed: 0 });
  await eventually("all of them back", async () => {
    const { dead_letters: again } = await asOperator(`${letters}?limit=100`);
    return again.length === 4 && again.every(({ replays }: { replays: number }) => replays === 1) || undefined;
  });
  deepStrictEqual(world.crashes, []);
}, { ignore: !limit });

test(
  "a subscriber survives listing and replaying 100 letters with 12,000 empty tables in their headers",
  async (given) => {
    const { world, start } = given;
    await sendBodies(given, 100, 10, { list: Array.from({ length: 12_000 }, () => ({})) });
    const subscriber = limit!.around(() =>
      start("one", { HTTP_TOKENS_FILE: tokensFile, PREFETCH: "4" }, { http: "127.0.0.1:0" })
    );
    await eventually("every event and letter", () => isDone(given, 301, 100));
    await world.members.untilLogged(subscriber, "http.ready");
    const letters = `${urlOf(subscriber)}/dead-letters`;
    let [seen, after] = [0, ""];
    for (let next: string | null = "0"; next !== null; after = `&after=${next}`) {
      const page = await asOperator(`${letters}?limit=100${after}`);
      seen += page.dead_letters.length;
      next = page.next;
    }
    deepStrictEqual(seen, 100);
    const { replayed } = await asOperator(`${letters}/replay?all=true`, "POST");
    deepStrictEqual([replayed > 0, world.crashes], [true, []]);
  },
  { ignore: !limit },
);
