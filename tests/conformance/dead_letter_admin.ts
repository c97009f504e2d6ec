/** One suite for every {@linkcode DeadLetterAdmin}: the one over the table, and the one over the in-memory queue. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { deadHeaders } from "../../shared/rabbitmq/publish/dead_letters.ts";
import { retriesHeader } from "../../shared/rabbitmq/dead/replay.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { replaysHeader, withoutBrokerHeaders } from "../../shared/rabbitmq/message.ts";
import { eventually } from "../fixtures/eventually.ts";
import { eventToJson } from "../../shared/event/json.ts";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import type { DeadLetterAdmin, Filter } from "../../shared/rabbitmq/dead/admin.ts";
import { causeOf } from "../../shared/rabbitmq/dead/cause.ts";
import { bet } from "../fixtures/deliveries.ts";

/** An admin under test. */
export interface Subject {
  readonly name: string;
  /** Calls `use` with an admin on its own queues, and closes the admin afterwards. */
  withAdmin(use: Use): Promise<void>;
}

type Use = (tested: TestedAdmin) => Promise<void>;
type Register = (what: string, use: Use) => void;

export interface TestedAdmin {
  readonly admin: DeadLetterAdmin;
  /** Resolves when the letters are dead-lettered, in this order. */
  bury(letters: readonly Delivery[]): Promise<void>;
  /** Takes the messages out of the events queue. */
  events(): Promise<Delivery[]>;
  /** Number of dead letters. */
  waiting(): Promise<number>;
}

const signal = new AbortController().signal;
const everything = { filter: {}, signal };
const limit = 100;

/** Returns a dead letter as our subscribers write it. */
export function letterOf(reason: string, headers: Record<string, unknown> = {}): Delivery {
  return {
    messageId: crypto.randomUUID(),
    body: new TextEncoder().encode(`the body of one that is ${reason}`),
    headers: { [deadHeaders.reason]: reason, [deadHeaders.attempts]: 1, ...headers },
    appId: "publisher-1",
    timestampMs: 1_700_000_000_000,
  };
}

function ids(letters: readonly { readonly messageId: string }[]): string[] {
  return letters.map(({ messageId }) => messageId);
}

/** Registers the suite's tests under the subject's name. */
export function testDeadLetterAdmin({ name, withAdmin }: Subject): void {
  const test: Register = (what, use) => Deno.test(`${name}: ${what}`, () => withAdmin(use));
  testListing(test);
  testActing(test);
  testEnding(test);
}

function testListing(test: Register): void {
  test("list() shows the oldest letters first with all their facts, and removes none", async ({ admin, bury, waiting }) => {
    const buried = [letterOf("invalid", { [deadHeaders.detail]: "amount -5" }), letterOf("rates-timeout")];
    deepStrictEqual(await admin.list({ limit, ...everything }), { letters: [], total: 0, next: undefined });
    await bury(buried);
    const { letters, total } = await admin.list({ limit, ...everything });
    deepStrictEqual([ids(letters), total], [ids(buried), 2]);
    const { reason, detail, attempts, replays, appId, timestampMs, body, bodyProblem } = letters[0]!;
    deepStrictEqual([reason, detail, attempts, replays, appId, timestampMs], [
      ...["invalid", "amount -5", 1, 0],
      ...[buried[0]!.appId, buried[0]!.timestampMs],
    ]);
    deepStrictEqual(Uint8Array.from(body), buried[0]!.body);
    match(bodyProblem ?? "", /are not a casino.events.v1.Event/);
    strictEqual(await waiting(), 2);
  });

  test("list() shows all letters page by page, in either order, and counts all each time", async ({ admin, bury }) => {
    const buried = ["a", "b", "c", "d", "e"].map((detail) => letterOf("invalid", { [deadHeaders.detail]: detail }));
    await bury(buried);
    for (const [order, expected] of [["oldest", ids(buried)], ["newest", ids(buried).reverse()]] as const) {
      const seen: string[][] = [];
      for (let after: string | undefined, more = true; more;) {
        const page = await admin.list({ ...everything, limit: 2, order, after });
        strictEqual(page.total, 5);
        seen.push(ids(page.letters));
        after = page.next;
        more = after !== undefined;
      }
      deepStrictEqual(seen, [expected.slice(0, 2), expected.slice(2, 4), expected.slice(4)]);
    }
  });

  test("a page continues after the previous one, whatever arrived or left meanwhile", async ({ admin, bury }) => {
    const [first, second, third, late] = ["a", "b", "c", "d"].map((detail) =>
      letterOf("invalid", { [deadHeaders.detail]: detail })
    ) as [Delivery, Delivery, Delivery, Delivery];
    await bury([first, second, third]);
    const newest = { ...everything, limit: 1, order: "newest" } as const;
    const page = await admin.list(newest);
    deepStrictEqual(ids(page.letters), ids([third]));
    await bury([late]);
    const rest = await admin.list({ ...newest, limit: 9, after: page.next });
    deepStrictEqual(ids(rest.letters), ids([second, first]));
  });

  test("list() filters by reasons, by ids, and by both", async ({ admin, bury }) => {
    const [a, b, c] = [letterOf("invalid"), letterOf("rates-timeout"), letterOf("unknown-currency")] as const;
    await bury([a, b, c]);
    const found = async (filter: { reasons?: string[]; ids?: string[] }) =>
      ids((await admin.list({ limit, signal, filter })).letters);
    deepStrictEqual(await found({ reasons: ["invalid", "unknown-currency"] }), ids([a, c]));
    deepStrictEqual(await found({ ids: ids([b]) }), ids([b]));
    deepStrictEqual(await found({ reasons: ["invalid"], ids: ids([a, b]) }), ids([a]));
    deepStrictEqual(await found({ ids: [crypto.randomUUID()] }), []);
  });

  test("concurrent readers each see all letters, and so does the next", async ({ admin, bury }) => {
    const buried = Array.from({ length: 20 }, () => letterOf("invalid"));
    await bury(buried);
    const looks = await Promise.all(Array.from({ length: 8 }, () => admin.list({ limit, ...everything })));
    for (const { letters, total } of [...looks, await admin.list({ limit, ...everything })]) {
      deepStrictEqual([new Set(ids(letters)), total], [new Set(ids(buried)), 20]);
    }
  });

  test("list() filters by time, player, event id, part of the detail, and group", async ({ admin, bury }) => {
    const at = (minute: number) => `2026-11-29T22:0${minute}:00.000Z`;
    const of = (detail: string, minute: number, more: Partial<Delivery> = {}) => ({
      ...letterOf("invalid", { [deadHeaders.detail]: detail, [deadHeaders.lastFailedAt]: at(minute) }),
      ...more,
    });
    const event = bet({ id: 17n, playerId: 11n });
    const a = of("amount -5", 1);
    const b = of("amount -17", 2, { body: encodeEvent(event) });
    const c = of('currency "eur"', 3);
    await bury([a, b, c]);
    const found = async (filter: Filter) => ids((await admin.list({ limit, signal, filter })).letters);
    deepStrictEqual(await found({ sinceMs: Date.parse(at(2)) }), ids([b, c]));
    deepStrictEqual(await found({ untilMs: Date.parse(at(2)) }), ids([a]));
    deepStrictEqual(await found({ playerId: 11n }), ids([b]));
    deepStrictEqual(await found({ eventId: 17n, reasons: ["invalid"] }), ids([b]));
    deepStrictEqual(await found({ eventId: 18n }), []);
    deepStrictEqual(await found({ text: "AMOUNT -1" }), ids([b]));
    const { group } = causeOf({ reason: "invalid", detail: "amount -99" });
    deepStrictEqual(await found({ groups: [group] }), ids([a, b]));
  });

  test("groups() counts letters by cause, most first, whatever values their details have", async ({ admin, bury }) => {
    const of = (reason: string, detail: string, second: number) =>
      letterOf(reason, {
        [deadHeaders.detail]: detail,
        [deadHeaders.lastFailedAt]: `2026-11-29T22:00:0${second}.000Z`,
      });
    const newest = of("invalid", "amount -17", 3);
    await bury([of("unknown-currency", 'currency "XTS" has none', 1), of("invalid", "amount -5", 2), newest]);
    const [first, second, ...more] = await admin.groups(everything);
    const { group: _, ...told } = first!;
    deepStrictEqual(told, {
      ...{ reason: "invalid", cause: "amount N", letters: 2 },
      ...{ firstAt: "2026-11-29T22:00:02.000Z", lastAt: "2026-11-29T22:00:03.000Z" },
      sample: { messageId: newest.messageId, detail: "amount -17" },
    });
    deepStrictEqual([second?.cause, second?.letters, more], ["currency “…” has none", 1, []]);
    const one = await admin.groups({ signal, filter: { reasons: ["unknown-currency"] } });
    deepStrictEqual(one.map(({ group }) => group), [second?.group]);
  });
}

function testActing(test: Register): void {
  test("replay() publishes a letter that matches under its own id, counts the replay, and leaves the others", async ({ admin, bury, events, waiting }) => {
    const death = [{ reason: "expired", count: 1 }];
    const chosen = letterOf("rates-timeout", { "x-theirs": "kept", [retriesHeader]: 2, "x-death": death });
    await bury([letterOf("invalid"), chosen]);
    const filter = { reasons: ["rates-timeout"] };
    deepStrictEqual(await admin.replay({ filter, signal }), { replayed: 1, refused: 0, failed: 0 });
    const [event, ...more] = await eventually("the event", async () => {
      const waiting = await events();
      return waiting.length > 0 ? waiting : undefined;
    });
    deepStrictEqual(more, []);
    const { body, headers, ...properties } = event!;
    const { messageId, appId, timestampMs } = chosen;
    deepStrictEqual(properties, { messageId, appId, timestampMs });
    deepStrictEqual(Uint8Array.from(body), chosen.body);
    const { [retriesHeader]: _, ...kept } = withoutBrokerHeaders(chosen.headers);
    deepStrictEqual(withoutBrokerHeaders(headers), { ...kept, [replaysHeader]: 1 });
    strictEqual("x-death" in headers, false, "it would be taken for the new message's history");
    strictEqual(await waiting(), 1);
  });

  test("replay() refuses a letter that was replayed ten times, and keeps it", async ({ admin, bury, waiting }) => {
    await bury([letterOf("invalid", { [replaysHeader]: 9 }), letterOf("invalid", { [replaysHeader]: 10 })]);
    deepStrictEqual(await admin.replay(everything), { replayed: 1, refused: 1, failed: 0 });
    strictEqual(await waiting(), 1);
  });

  test("an act affects only matching letters that exist when it starts", async ({ admin, bury, waiting }) => {
    await bury(Array.from({ length: 230 }, (_, n) => letterOf(n % 2 ? "invalid" : "undecodable", { n })));
    strictEqual(await admin.drop({ signal, filter: { reasons: ["invalid"] } }), 115);
    strictEqual((await admin.replay({ signal, filter: { reasons: ["undecodable"] } })).replayed, 115);
    strictEqual(await waiting(), 0);
  });

  test("undo() puts back only matching dropped letters, in their place", async ({ admin, bury, events, waiting }) => {
    const buried = ["a", "b", "c", "d"].map((detail) => letterOf("invalid", { [deadHeaders.detail]: detail }));
    const [a, b, c, d] = buried as [Delivery, Delivery, Delivery, Delivery];
    await bury(buried);
    strictEqual(await admin.drop({ signal, filter: { ids: ids([a, c]) } }), 2);
    const dropped = { statuses: ["dropped"] } as const;
    const { letters } = await admin.list({ limit, signal, filter: dropped });
    deepStrictEqual([ids(letters), letters.map(({ fate }) => fate?.status)], [ids([a, c]), ["dropped", "dropped"]]);
    strictEqual(await admin.undo({ signal, filter: { ids: ids([b, c]) } }), 1);
    deepStrictEqual(ids((await admin.list({ limit, ...everything })).letters), ids([b, c, d]));
    deepStrictEqual(ids((await admin.list({ limit, signal, filter: dropped })).letters), ids([a]));
    deepStrictEqual([await waiting(), await events()], [3, []]);
    strictEqual(await admin.undo(everything), 1);
    deepStrictEqual(ids((await admin.list({ limit, ...everything })).letters), ids(buried));
  });

  test("edit() keeps the original, and a replay publishes the last edit under the letter's own id", async ({ admin, bury, events }) => {
    const missing = bet({ id: 7n, currency: "" });
    const letter = { ...letterOf("invalid"), body: encodeEvent(missing) };
    const other = letterOf("undecodable");
    await bury([letter, other]);
    const edit = (value: string, preview = false) =>
      admin.edit({ ...everything, limit, preview, change: { set: [{ key: "currency", value }] } });
    const { outcomes: [would, wouldNot] } = await edit("USD", true);
    match(would?.after ?? "", /"currency":"USD"/);
    match(wouldNot?.problem ?? "", /is not an event: /);
    strictEqual((await admin.list({ limit, ...everything })).letters[0]?.edit, undefined);
    await edit("USD");
    const { outcomes: [second] } = await edit("EUR");
    match(second?.before ?? "", /"currency":"USD"/);
    const { letters: [edited] } = await admin.list({ limit, ...everything });
    deepStrictEqual([edited?.fate?.edits, Uint8Array.from(edited!.body)], [2, Uint8Array.from(letter.body)]);
    strictEqual((await admin.replay({ signal, filter: { ids: ids([letter]) } })).replayed, 1);
    const [event] = await eventually("the event", async () => {
      const waiting = await events();
      return waiting.length > 0 ? waiting : undefined;
    });
    deepStrictEqual([event!.messageId, Uint8Array.from(event!.body)], [
      letter.messageId,
      Uint8Array.from(encodeEvent({ ...missing, currency: "EUR" })),
    ]);
  });

  test("history() has a message's letters, whatever their status, and every edit, oldest first", async ({ admin, bury }) => {
    const [letter, other] = [7n, 8n].map((id) => ({
      ...letterOf("unknown-currency"),
      body: encodeEvent(bet({ id, currency: "XTS" })),
    })) as [Delivery, Delivery];
    await bury([letter, other]);
    const edit = (value: string) =>
      admin.edit({ ...everything, limit, preview: false, change: { set: [{ key: "currency", value }] }, by: "anna" });
    for (const currency of ["KWD", "USD", "EUR"]) await edit(currency);
    strictEqual(await admin.drop({ signal, filter: { ids: ids([letter]) } }), 1);
    const { letters, edits, more } = await admin.history({ id: letter.messageId, signal });
    deepStrictEqual([ids(letters), letters[0]!.fate?.status, more], [ids([letter]), "dropped", false]);
    strictEqual(eventToJson(letters[0]!.event!).currency, "XTS");
    const id = letters[0]!.fate!.id;
    deepStrictEqual(edits.map(({ letter, event }) => [letter, event.id, eventToJson(event).currency]), [
      ...[[id, 7n, "KWD"], [id, 7n, "USD"], [id, 7n, "EUR"]],
    ]);
    match(edits[0]!.at, /^\d{4}-\d\d-\d\dT/);
    const none = await admin.history({ id: crypto.randomUUID(), signal });
    deepStrictEqual(none, { letters: [], edits: [], more: false });
  });

  test("edit() changes no letter that conflicts with another event under its id", async ({ admin, bury }) => {
    await bury([{ ...letterOf("id-conflict"), body: encodeEvent(bet()) }]);
    const change = { set: [{ key: "currency", value: "EUR" }] };
    const { outcomes: [outcome] } = await admin.edit({ ...everything, limit, preview: false, change });
    match(outcome?.problem ?? "", /a replay would fail again/);
  });

  test("an act skips letters that it does not apply to, whatever the filter", async ({ admin, bury, waiting }) => {
    const [a, b] = [letterOf("invalid"), letterOf("invalid")] as const;
    await bury([a, b]);
    await admin.drop({ signal, filter: { ids: ids([a]) } });
    const any = { signal, filter: { statuses: ["dead", "dropped"] } } as const;
    strictEqual((await admin.list({ limit, ...any })).letters.length, 2);
    strictEqual((await admin.replay(any)).replayed, 1);
    strictEqual(await admin.drop(any), 0);
    strictEqual(await admin.undo(any), 1);
    strictEqual(await waiting(), 1);
  });

  test("drop() removes only the matching letters", async ({ admin, bury, events }) => {
    const [stays, goes] = [letterOf("invalid"), letterOf("invalid")] as const;
    await bury([stays, goes]);
    strictEqual(await admin.drop({ signal, filter: { ids: ids([goes]) } }), 1);
    deepStrictEqual(ids((await admin.list({ limit, ...everything })).letters), ids([stays]));
    deepStrictEqual(await events(), []);
  });
}

function testEnding(test: Register): void {
  test("does nothing for a client that has disconnected", async ({ admin, bury, waiting }) => {
    await bury([letterOf("invalid")]);
    const left = { filter: {}, signal: AbortSignal.abort(new Error("the client has left")) };
    await rejects(admin.drop(left), /the client has left/);
    await rejects(admin.replay(left), /the client has left/);
    await rejects(admin.list({ limit, ...left }), /the client has left/);
    strictEqual(await waiting(), 1);
  });

  test("does nothing once it is closed", async ({ admin, bury, waiting }) => {
    await bury([letterOf("invalid")]);
    await admin.close();
    for (const refused of [admin.drop(everything), admin.replay(everything), admin.list({ limit, ...everything })]) {
      await rejects(refused, (error: Error) => error.name === "AdminClosed");
    }
    strictEqual(await waiting(), 1);
  });
}
