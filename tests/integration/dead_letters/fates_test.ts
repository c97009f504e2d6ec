/** The reported outcomes of letters: lineage, and events that were stored after all. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Event } from "../../../shared/event/event.ts";
import { eventToJson } from "../../../shared/event/json.ts";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import { replaysHeader } from "../../../shared/rabbitmq/message.ts";
import { silentLog } from "../../../shared/runtime/telemetry/log.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { keepResolving, Resolver } from "../../../subscriber/dead_letters/resolve.ts";
import { workIn } from "../../../subscriber/dead_letters/work.ts";
import { leaseOf } from "../../../subscriber/dead_letters/leases.ts";
import { letterOf } from "../../conformance/dead_letter_admin.ts";
import { never } from "../../conformance/queue/subject.ts";
import { bet } from "../../fixtures/deliveries.ts";
import { actor, publishDead, type TestLetters, withTestLetters } from "../../servers/test_letters.ts";

const everything = { filter: {}, signal: never };

async function bury({ queues, rows, untilKept }: TestLetters, letters: readonly Delivery[]): Promise<void> {
  const before = await rows();
  publishDead(queues, letters);
  await untilKept(before + letters.length);
}

function test(what: string, use: (letters: TestLetters) => Promise<void>): void {
  Deno.test(what, () =>
    withTestLetters(async (letters) => {
      letters.startKeeper();
      await use(letters);
    }));
}

/** Stores the event like another subscriber. */
async function store({ sql }: TestLetters, { messageId }: Delivery, eventId = 1): Promise<void> {
  await sql.query(
    `insert into events (message_id, event_id, player_id, created_at, stored_at, type, description, subscriber_id)
     values ($1, $2, 10, now(), '2026-11-30T01:02:03Z', 'bet', '', 'another')`,
    [messageId, eventId],
  );
}

function currencyOf({ event }: { readonly event: Event | undefined }): string | undefined {
  return event && eventToJson(event).currency;
}

async function resolveAll({ database }: TestLetters): Promise<number> {
  return await new Resolver(database, "replayed").round() + await new Resolver(database, "dead").round();
}

function fates({ sql }: TestLetters) {
  return sql.query("select status, stored_by, acted_by from dead_letters order by id");
}

test("a letter whose replay dies again is named by the new letter, and by no other", async (letters) => {
  const { admin } = letters;
  const [first, other] = [letterOf("invalid"), letterOf("invalid")] as const;
  await bury(letters, [first, other]);
  await admin.replay(everything);
  await bury(letters, [{ ...first, headers: { ...first.headers, [replaysHeader]: 1 } }]);
  await admin.replay(everything);
  await bury(letters, [{ ...first, headers: { ...first.headers, [replaysHeader]: 2 } }]);
  const { letters: found } = await admin.list({
    ...{ limit: 9, signal: never },
    filter: { statuses: ["dead", "replayed"] },
  });
  const [one, , second, third] = found.map(({ fate }) => fate!);
  deepStrictEqual(found.map(({ fate }) => fate?.previous), [undefined, undefined, one!.id, second!.id]);
  deepStrictEqual([one!.status, second!.status, third!.status, one!.actedBy], ["replayed", "replayed", "dead", actor]);
});

test("the history of a message has each death and edit with its user, and the newest of many", async (letters) => {
  const { admin, sql } = letters;
  const first = { ...letterOf("unknown-currency"), body: encodeEvent(bet({ currency: "XTS" })) };
  await bury(letters, [letterOf("invalid"), first]);
  const edit = async (value: string, by: string) => {
    const change = { set: [{ key: "currency", value }] };
    await admin.edit({ filter: { ids: [first.messageId] }, signal: never, limit: 9, preview: false, change, by });
  };
  const history = () => admin.history({ id: first.messageId, signal: never });
  await edit("KWD", "anna");
  await admin.replay({ ...everything, by: "bob" });
  const body = encodeEvent(bet({ currency: "KWD" }));
  await bury(letters, [{ ...first, body, headers: { ...first.headers, [replaysHeader]: 1 } }]);
  await edit("USD", "carol");
  await edit("EUR", "dave");
  const { letters: [one, other], edits, more } = await history();
  deepStrictEqual([one!.fate?.status, one!.fate?.actedBy, other!.fate?.status], ["replayed", "bob", "dead"]);
  strictEqual(other!.fate?.previous, one!.fate?.id);
  deepStrictEqual([currencyOf(one!), currencyOf(other!)], ["XTS", "KWD"]);
  deepStrictEqual(edits.map((edit) => [edit.letter, edit.by, currencyOf(edit)]), [
    [one!.fate!.id, "anna", "KWD"],
    [other!.fate!.id, "carol", "USD"],
    [other!.fate!.id, "dave", "EUR"],
  ]);
  strictEqual(more, false);

  await sql.query(`
    insert into dead_letter_edits (letter, number, edited_by, event_id, player_id, body)
    select letter, n, n::text, event_id, player_id, body from dead_letter_edits, generate_series(3, 600) as n
    where edited_by = 'dave'`);
  const long = await history();
  deepStrictEqual([long.edits.length, long.edits[0]!.by, long.edits.at(-1)!.by, long.more], [500, "101", "600", true]);
});

test("a letter whose event is stored is resolved, replayed or not, with user and time", async (letters) => {
  const { admin } = letters;
  const of = (event: bigint) => ({
    ...letterOf("rates-timeout"),
    body: encodeEvent(bet({ id: event, playerId: 10n })),
  });
  const [replayed, dead, waiting, dropped] = [of(1n), of(2n), of(3n), of(4n)];
  await bury(letters, [replayed, dead, waiting, dropped]);
  await admin.replay({ filter: { ids: [replayed.messageId] }, signal: never });
  await admin.drop({ filter: { ids: [dropped.messageId] }, signal: never });
  strictEqual(await resolveAll(letters), 0);
  deepStrictEqual((await fates(letters)).map(({ status }) => status), ["replayed", "dead", "dead", "dropped"]);
  for (const [n, letter] of [replayed, dead, dropped].entries()) await store(letters, letter, [1, 2, 4][n]!);
  strictEqual(await resolveAll(letters), 2);
  deepStrictEqual(await fates(letters), [
    { status: "resolved", stored_by: "another", acted_by: actor },
    { status: "resolved", stored_by: "another", acted_by: null },
    { status: "dead", stored_by: null, acted_by: null },
    { status: "dropped", stored_by: null, acted_by: actor },
  ]);
  const { letters: [first] } = await admin.list({ filter: { statuses: ["resolved"] }, limit: 1, signal: never });
  strictEqual(first?.fate?.storedAt, "2026-11-30T01:02:03.000Z");
});

test("another event under the same id resolves no letter", async (letters) => {
  const body = encodeEvent(bet({ id: 5n, playerId: 10n }));
  const conflict = { ...letterOf("id-conflict"), body };
  const different = { ...letterOf("invalid"), body };
  await bury(letters, [conflict, different]);
  await store(letters, conflict, 5);
  await store(letters, different, 6);
  strictEqual(await resolveAll(letters), 0);
});

test("one subscriber resolves for all, and another takes over when it is gone", async (letters) => {
  const letter = { ...letterOf("rates-timeout"), body: encodeEvent(bet({ id: 1n, playerId: 10n })) };
  await bury(letters, [letter]);
  await store(letters, letter);
  const { database, sql } = letters;
  const first = leaseOf(database, "resolve", "one");
  strictEqual(await first.hold(), true);
  strictEqual(await leaseOf(database, "resolve", "other").hold(), false);
  strictEqual(await first.hold(), true);
  await sql.query("update dead_letter_leases set until = now() - interval '1 s'");
  await resolveOnce(letters, "other");
  deepStrictEqual((await fates(letters)).map(({ status }) => status), ["resolved"]);
  strictEqual(await leaseOf(database, "resolve", "third").hold(), true);
});

test("the resolver writes no lease while there is nothing to resolve", async (letters) => {
  await resolveOnce(letters, "one");
  deepStrictEqual(await letters.sql.query("select name from dead_letter_leases where name = 'resolve'"), []);
});

/** Runs two rounds of a subscriber. */
async function resolveOnce({ database }: TestLetters, owner: string): Promise<void> {
  const stop = new AbortController();
  let rounds = 0;
  const sleep = () => Promise.resolve(void (++rounds > 1 && stop.abort()));
  const clock = { sleep, monotonic: () => 0 } as unknown as Clock;
  await keepResolving({ database, owner, work: workIn(database, clock), clock, log: silentLog }, stop.signal);
}

test("a walk over letters continues after its last position, and starts again at the end", async (letters) => {
  const { sql, database } = letters;
  await bury(letters, [letterOf("invalid")]);
  await sql.query(`
    insert into dead_letters (letter_key, message_id, attempts, replays, by_broker, status, cause_group, reason, cause,
      detail, exchange, routing_key, properties, body)
    select gen_random_uuid(), gen_random_uuid(), 1, 0, false, 'dead', 'g', 'invalid', '', '', '', '', '', ''
    from generate_series(1, 12000)`);
  await sql.query(
    `insert into events (message_id, event_id, player_id, created_at, type, description, subscriber_id)
     select message_id, 1, 10, now(), 'bet', '', 'another' from dead_letters where cause_group = 'g'`,
  );
  const resolver = new Resolver(database, "dead", 10);
  deepStrictEqual([await resolver.round(), await resolver.round(), await resolver.round()], [9_999, 2_001, 0]);
});

test("a letter with a large body also names its predecessor", async (letters) => {
  const large = { ...letterOf("invalid"), body: new Uint8Array(2 * 1024 * 1024) };
  await bury(letters, [large]);
  await bury(letters, [{ ...large, headers: { ...large.headers, [replaysHeader]: 1 } }]);
  const { letters: [first, second] } = await letters.admin.list({ limit: 9, ...everything });
  deepStrictEqual(second?.fate?.previous, first?.fate?.id);
});
