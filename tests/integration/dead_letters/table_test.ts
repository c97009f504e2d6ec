/** The conformance suite for administrators of dead letters, on a table that a keeper fills, and faults of servers. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import { replay, type ReplayOptions } from "../../../shared/rabbitmq/dead/replay.ts";
import { type OutgoingMessage, replaysHeader } from "../../../shared/rabbitmq/message.ts";
import { messageIdOf } from "../../../shared/rabbitmq/message_id.ts";
import { PublishError } from "../../../shared/rabbitmq/publish/publisher.ts";
import { deadLetterExchangeOf, deliveryLimit } from "../../../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../../../shared/runtime/clock.ts";
import { systemRandom as random } from "../../../shared/runtime/random.ts";
import { replaySource } from "../../../subscriber/dead_letters/replay_source.ts";
import { letterOf, testDeadLetterAdmin } from "../../conformance/dead_letter_admin.ts";
import { never } from "../../conformance/queue/subject.ts";
import { gameStart } from "../../fixtures/deliveries.ts";
import { actor, publishDead, type TestLetters, withTestLetters } from "../../servers/test_letters.ts";
import { eventually, getAll, getOne, outgoing, publisherOn } from "../../servers/test_queues.ts";

const everything = { filter: {}, signal: never };

/** Resolves when a keeper has moved the letters into the table. */
async function bury({ queues, rows, untilKept }: TestLetters, letters: readonly Delivery[]): Promise<void> {
  const before = await rows();
  publishDead(queues, letters);
  await untilKept(before + letters.length);
}

testDeadLetterAdmin({
  name: "TableDeadLetterAdmin",
  withAdmin: (use) =>
    withTestLetters(async (letters) => {
      const { admin, queues: { channel, events }, table, startKeeper } = letters;
      startKeeper();
      await use({
        admin,
        bury: (buried) => bury(letters, buried),
        events: () => getAll(channel, events),
        waiting: () => table.count(),
      });
    }),
});

function test(what: string, use: (letters: TestLetters) => Promise<void>): void {
  Deno.test(what, () =>
    withTestLetters(async (letters) => {
      letters.startKeeper();
      await use(letters);
    }));
}

async function replayAll({ queues, table, claims }: TestLetters, changes: Partial<ReplayOptions> = {}) {
  const publisher = publisherOn(queues, { giveUpAfterMs: 2_000 });
  const options = { exchange: queues.events, publisher, clock, rate: undefined, force: false, stop: never };
  try {
    const source = replaySource(table, claims, { filter: {}, stop: never, by: actor, random });
    return await Array.fromAsync(replay(source, { ...options, ...changes }));
  } finally {
    await publisher.close();
  }
}

test("TableDeadLetterAdmin.replay() counts letters that the broker rejects as failed, with its error, and keeps them", async (letters) => {
  const { admin, table, queues: { channel, events } } = letters;
  await bury(letters, [letterOf("invalid"), letterOf("undecodable")]);
  await channel.deleteQueue(events);
  await channel.assertQueue(events, { autoDelete: true });
  const { problem, ...counts } = await admin.replay(everything);
  deepStrictEqual(counts, { replayed: 0, refused: 0, failed: 2 });
  match(problem ?? "", /exists with other properties/);
  strictEqual(await table.count(), 2);
});

test("replay() leaves behind headers of a letter that cannot be written again", async (letters) => {
  await bury(letters, [letterOf("invalid", { foreign: "as scripted" })]);
  const tried: OutgoingMessage[] = [];
  const publish = (message: OutgoingMessage) =>
    tried.push(message) === 1
      ? Promise.reject(new PublishError("unwritable", message.messageId, "as scripted"))
      : Promise.resolve();
  const replayed = await replayAll(letters, { publisher: { publish } });
  deepStrictEqual(replayed.map(({ result }) => result), ["replayed"]);
  deepStrictEqual(tried.map(({ headers }) => headers?.["foreign"]), ["as scripted", undefined]);
  deepStrictEqual(tried.map(({ properties }) => properties === undefined), [false, true]);
});

test("replay() keeps a letter that no queue takes", async (letters) => {
  const { queues: { channel, events }, table } = letters;
  await bury(letters, [letterOf("invalid")]);
  const nowhere = `${events}.nowhere`;
  await channel.assertExchange(nowhere, "fanout");
  const [replayed] = await replayAll(letters, { exchange: nowhere });
  strictEqual(replayed?.result, "failed");
  await channel.deleteExchange(nowhere);
  strictEqual(await table.count(), 1);
});

test("replay() does not replay a letter twice in one run when it returns at once", async (letters) => {
  const { queues: { channel, dead }, table, untilKept } = letters;
  await bury(letters, [letterOf("invalid"), letterOf("undecodable")]);
  // Each replayed letter is dead again, and in the table, before the replay marks it.
  let published = 0;
  const publisher = {
    async publish({ messageId, headers, body }: OutgoingMessage): Promise<void> {
      channel.publish(deadLetterExchangeOf(dead), "", Buffer.from(body), { messageId, headers });
      await untilKept(2 + ++published);
    },
  };
  strictEqual((await replayAll(letters, { publisher, rate: 1_000 })).length, 2);
  strictEqual(await table.count(), 2);
});

test("replay() with force replays a letter that was replayed ten times", async (letters) => {
  await bury(letters, [letterOf("invalid", { [replaysHeader]: 10 })]);
  deepStrictEqual((await replayAll(letters, { force: true })).map(({ result }) => result), ["replayed"]);
  const { channel, events } = letters.queues;
  const { headers = {} } = (await getOne(channel, events)).properties;
  strictEqual(headers[replaysHeader], 11);
});

test("a replay that is killed before a letter is marked replays it again under the same id", async (letters) => {
  const { sql, queues: { channel, events }, table, claims } = letters;
  const letter = letterOf("invalid");
  await bury(letters, [letter]);
  const source = replaySource(table, claims, { filter: {}, stop: never, by: actor, random });
  const publisher = publisherOn(letters.queues);
  const killed = { ...source, replayed: () => Promise.reject(new Error("killed")) };
  const options = { exchange: events, publisher, clock, rate: undefined, force: false, stop: never };
  await Array.fromAsync(replay(killed, options)).catch(() => {});
  strictEqual(await table.count(), 1);
  // No other replay takes the letter while the first may still be running.
  deepStrictEqual(await Array.fromAsync(replay(source, options)), []);
  await sql.query("update dead_letters set claimed_until = now() - interval '1 s'");
  await Array.fromAsync(replay(source, options));
  await publisher.close();
  const published = await eventually("both", async () => {
    const { messageCount } = await channel.checkQueue(events);
    return messageCount === 2 ? await getAll(channel, events) : undefined;
  });
  deepStrictEqual(published.map(({ messageId }) => messageId), [letter.messageId, letter.messageId]);
  const rows = await sql.query("select status, acted_by, acted_at is not null as dated from dead_letters");
  deepStrictEqual(rows, [{ status: "replayed", acted_by: actor, dated: true }]);
});

test("a drop keeps the letter and its user", async (letters) => {
  const { admin, sql } = letters;
  const [stays, goes] = [letterOf("invalid"), letterOf("undecodable")] as const;
  await bury(letters, [stays, goes]);
  strictEqual(await admin.drop({ filter: { reasons: ["undecodable"] }, signal: never }), 1);
  deepStrictEqual(await sql.query("select message_id, status, acted_by from dead_letters order by id"), [
    { message_id: stays.messageId, status: "dead", acted_by: null },
    { message_id: goes.messageId, status: "dropped", acted_by: actor },
  ]);
});

test("the count of letters does not drop while someone looks at them", async (letters) => {
  const { admin, table, queues: { channel, dead } } = letters;
  const buried = Array.from({ length: 500 }, (_, n) => letterOf("invalid", { n }));
  await bury(letters, buried);
  let looks = 0;
  const look = async () => {
    for (const { messageId } of buried.slice(0, 50)) {
      await admin.list({ ...everything, filter: { ids: [messageId] }, limit: 1 });
      await admin.list({ ...everything, limit: 500 });
      await admin.groups(everything);
      looks++;
    }
  };
  const looking = Promise.all([look(), look()]);
  const counts = new Set<number>();
  while (looks < 100) {
    counts.add(await table.count() + (await channel.checkQueue(dead)).messageCount);
    await Promise.race([looking, new Promise((resolve) => setTimeout(resolve))]);
  }
  await looking;
  deepStrictEqual([...counts], [500]);
});

test("letters with large bodies come in pages, cut, without omissions, and a replay publishes them whole", async (letters) => {
  const { admin } = letters;
  const large = new Uint8Array(2_500_000);
  const buried = Array.from({ length: 50 }, (_, n) => ({
    ...letterOf("invalid", { n }),
    messageId: undefined as unknown as string,
    body: large.subarray(0, n % 10 === 0 ? large.length : 100_000).with(0, n).with(-1, n),
  }));
  await bury(letters, buried);
  const firstBytes: number[] = [];
  let pages = 0;
  let after: string | undefined;
  do {
    const page = await admin.list({ ...everything, limit: 100, after });
    for (const { body, bodyBytes } of page.letters) {
      strictEqual(body.length, 65_536);
      strictEqual(bodyBytes, buried[body[0]!]!.body.length);
      firstBytes.push(body[0]!);
    }
    after = page.next;
    pages++;
  } while (after !== undefined);
  deepStrictEqual(firstBytes, buried.map((_, n) => n));
  strictEqual(pages > 1, true);
  const replayed: OutgoingMessage[] = [];
  await replayAll(letters, { publisher: { publish: (message) => Promise.resolve(void replayed.push(message)) } });
  deepStrictEqual(replayed.map(({ body }) => body.toHex()), buried.map(({ body }) => body.toHex()));
  deepStrictEqual(replayed.map(({ messageId }) => messageId), buried.map(({ body }) => messageIdOf(undefined, body)));
});

test("a letter that the broker made after too many deliveries is told as delivery-limit, also after a replay", async (letters) => {
  const { admin, queues: { channel, events }, untilKept } = letters;
  const { messageId, body } = outgoing(events, { body: encodeEvent(gameStart()) });
  const failed = "2026-11-24T22:00:00.000Z";
  const before =
    letterOf("unknown-currency", { "dead-last-failed-at": failed, "dead-first-failed-at": failed }).headers;
  for (const [n, headers] of [{}, before].entries()) {
    channel.publish(events, "", Buffer.from(body), { messageId, headers });
    for (let delivery = 0; delivery <= deliveryLimit; delivery++) {
      const message = await eventually("a delivery", async () => await channel.get(events));
      channel.nack(message, false, true);
    }
    await untilKept(n + 1);
  }
  const { letters: found } = await admin.list({ filter: { reasons: ["delivery-limit"] }, limit: 9, signal: never });
  deepStrictEqual(
    found.map((letter) => [letter.messageId, letter.event?.id, letter.attempts, letter.byBroker, letter.body.toHex()]),
    [1, 2].map((attempts) => [messageId, 3n, attempts, true, body.toHex()]),
  );
  match(found[0]?.lastFailedAt ?? "", /^\d{4}-/);
});

for (const [reason, limit] of [["expired", { "x-message-ttl": 1 }], ["maxlen", { "x-max-length": 0 }]] as const) {
  test(`a message that a limit such as a policy's removes from the events queue is told as ${reason}, also after a replay`, async (letters) => {
    const { admin, queues: { channel, events, dead }, untilKept } = letters;
    await channel.deleteQueue(events);
    const toDead = { "x-queue-type": "quorum", "x-dead-letter-exchange": deadLetterExchangeOf(dead) };
    await channel.assertQueue(events, { arguments: { ...toDead, ...limit } });
    await channel.bindQueue(events, events, "");
    const publish = ({ messageId, headers, body }: OutgoingMessage) =>
      Promise.resolve(void channel.publish(events, "", Buffer.from(body), { messageId, headers }));
    const first = outgoing(events, { body: encodeEvent(gameStart()) });
    await publish(first);
    await untilKept(1);
    // Our headers from before stay with the letter, and are older than the broker's.
    await bury(letters, [letterOf("unknown-currency", { "dead-last-failed-at": "2026-11-24T22:00:00.000Z" })]);
    strictEqual((await replayAll(letters, { publisher: { publish } })).length, 2);
    await untilKept(4);
    const { letters: again } = await admin.list({ ...everything, limit: 9 });
    deepStrictEqual(again.map((letter) => [letter.reason, letter.byBroker, letter.replays]), [
      [reason, true, 1],
      [reason, true, 1],
    ]);
    strictEqual(again.some(({ messageId }) => messageId === first.messageId), true);
  });
}
