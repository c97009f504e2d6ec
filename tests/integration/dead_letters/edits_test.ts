/** An edit and a replay at once: the replay publishes the body that it claimed, and no other body under its id. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { decodeEvent, encodeEvent } from "../../../shared/event/protobuf.ts";
import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import { replay, type ReplayOptions } from "../../../shared/rabbitmq/dead/replay.ts";
import type { OutgoingMessage } from "../../../shared/rabbitmq/message.ts";
import { PublishError } from "../../../shared/rabbitmq/publish/publisher.ts";
import { systemClock as clock } from "../../../shared/runtime/clock.ts";
import { systemRandom as random } from "../../../shared/runtime/random.ts";
import { editLetters } from "../../../subscriber/dead_letters/edit_letters.ts";
import { replaySource } from "../../../subscriber/dead_letters/replay_source.ts";
import { Resolver } from "../../../subscriber/dead_letters/resolve.ts";
import { letterOf } from "../../conformance/dead_letter_admin.ts";
import { never } from "../../conformance/queue/subject.ts";
import { bet } from "../../fixtures/deliveries.ts";
import { actor, publishDead, type TestLetters, withTestLetters } from "../../servers/test_letters.ts";

const letter: Delivery = { ...letterOf("unknown-currency"), body: encodeEvent(bet({ id: 7n, currency: "XTS" })) };

function test(what: string, use: (letters: TestLetters) => Promise<void>): void {
  Deno.test(what, () =>
    withTestLetters(async (letters) => {
      letters.startKeeper();
      publishDead(letters.queues, [letter]);
      await letters.untilKept(1);
      await use(letters);
    }));
}

/** @returns why the edit was refused */
async function edit({ admin }: TestLetters, currency: string): Promise<string | undefined> {
  const change = { set: [{ key: "currency", value: currency }] };
  const { outcomes } = await admin.edit({ filter: {}, signal: never, limit: 9, preview: false, change });
  return outcomes[0]?.problem;
}

/** @param publish replaces the broker */
async function replayBy({ table, claims }: TestLetters, publish: ReplayOptions["publisher"]["publish"]) {
  const source = replaySource(table, claims, { filter: {}, stop: never, by: actor, random });
  const how = { exchange: "", publisher: { publish }, clock, rate: undefined, force: false, stop: never };
  return await Array.fromAsync(replay(source, how));
}

function currencyOf({ body }: Pick<OutgoingMessage, "body">): unknown {
  const event = decodeEvent(body);
  return "currency" in event ? event.currency : event;
}

test("an edit is refused during a replay, which publishes the claimed body", async (letters) => {
  let refused: string | undefined;
  const published: unknown[] = [];
  await edit(letters, "USD");
  await replayBy(letters, async (message) => {
    refused = await edit(letters, "EUR");
    published.push(currencyOf(message));
  });
  match(refused ?? "", /a replay is publishing the letter/);
  deepStrictEqual(published, ["USD"]);
});

test("after a replay that was interrupted, no edit changes the possibly published letters, and the next replay publishes the same", async (letters) => {
  const unconfirmed = new PublishError("unconfirmed", letter.messageId, "the connection is gone");
  await replayBy(letters, () => Promise.reject(unconfirmed));
  match(await edit(letters, "EUR") ?? "", /was interrupted while publishing it/);
  const published: unknown[] = [];
  await replayBy(letters, (message) => Promise.resolve(void published.push(currencyOf(message))));
  deepStrictEqual(published, ["XTS"]);
});

test("a letter that the broker has certainly not accepted can be edited again", async (letters) => {
  await replayBy(letters, () => Promise.reject(new PublishError("returned", letter.messageId, "no queue takes it")));
  strictEqual(await edit(letters, "EUR"), undefined);
});

test("an edit that comes between a replay's read and its claim is published", async (letters) => {
  const published: unknown[] = [];
  const { claims } = letters;
  const claim = claims.claim.bind(claims);
  claims.claim = async (...args) => {
    strictEqual(await edit(letters, "EUR"), undefined);
    return await claim(...args);
  };
  await replayBy(letters, (message) => Promise.resolve(void published.push(currencyOf(message))));
  deepStrictEqual(published, ["EUR"]);
});

test("two replays at once publish a letter once", async (letters) => {
  let published = 0;
  const publish = async () => {
    published++;
    await clock.sleep(50);
  };
  await Promise.all(Array.from({ length: 4 }, () => replayBy(letters, publish)));
  strictEqual(published, 1);
});

test("of two concurrent edits of the same reading one is kept and the other rejected; consecutive edits are both kept", async (letters) => {
  const { table, database, sql } = letters;
  const { letters: read } = await table.page({ filter: {}, limit: 1, order: "oldest" });
  const change = (value: string) => ({ set: [{ key: "currency", value }] });
  const [first] = await editLetters(database, read, change("USD"), "one");
  const [second] = await editLetters(database, read, change("EUR"), "other");
  deepStrictEqual([first?.problem, /edited, replayed or dropped meanwhile/.test(second?.problem ?? "")], [
    undefined,
    true,
  ]);
  await edit(letters, "EUR");
  deepStrictEqual(await sql.query("select number, edited_by from dead_letter_edits order by number"), [
    { number: 1, edited_by: "one" },
    { number: 2, edited_by: actor },
  ]);
});

test("a letter is resolved by the event of its edit", async (letters) => {
  const { admin, database, sql } = letters;
  const change = { set: [{ key: "id", value: "99" }] };
  await admin.edit({ filter: {}, signal: never, limit: 9, preview: false, change });
  await replayBy(letters, () => Promise.resolve());
  await sql.query(
    `insert into events (message_id, event_id, player_id, created_at, type, description, subscriber_id)
     values ($1, 99, 11, now(), 'bet', '', 'another')`,
    [letter.messageId],
  );
  strictEqual(await new Resolver(database, "replayed").round(), 1);
});

test("an edit changes no field of a partly read body, because its beginning may look like another event", async (letters) => {
  const { admin, queues, untilKept } = letters;
  const body = new Uint8Array(100_000);
  body.set(letter.body);
  publishDead(queues, [{ ...letterOf("undecodable"), body }]);
  await untilKept(2);
  const options = { filter: { reasons: ["undecodable"] }, signal: never, limit: 9, preview: false };
  const { outcomes: [refused] } = await admin.edit({
    ...options,
    change: { set: [{ key: "currency", value: "EUR" }] },
  });
  match(refused?.problem ?? "", /the body of 100000 bytes is longer than the limit for an event/);
});
