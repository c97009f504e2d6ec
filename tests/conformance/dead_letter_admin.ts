/** One suite for everything that is a {@linkcode DeadLetterAdmin}: over RabbitMQ, and over the queue in memory. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { deadHeaders } from "../../shared/rabbitmq/publish/dead_letters.ts";
import { retriesHeader } from "../../shared/rabbitmq/publish/delay_queues.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { replaysHeader, withoutBrokerHeaders } from "../../shared/rabbitmq/message.ts";
import { eventually } from "../fixtures/eventually.ts";
import type { DeadLetterAdmin } from "../../shared/rabbitmq/dead/admin.ts";

/** A kind of admin that is put to the test. */
export interface Subject {
  readonly name: string;
  /** Gives `use` an admin with queues of its own; the admin is closed afterwards. */
  withAdmin(use: Use, options?: Options): Promise<void>;
}

type Use = (tested: TestedAdmin) => Promise<void>;

interface Options {
  readonly mostSeen?: number;
}

type Register = (what: string, use: Use, options?: Options) => void;

export interface TestedAdmin {
  readonly admin: DeadLetterAdmin;
  /** Resolves when the letters are in the dead letter queue, in this order. */
  bury(letters: readonly Delivery[]): Promise<void>;
  /** Takes out the messages that wait in the events queue. */
  events(): Promise<Delivery[]>;
  /** Letters in the dead letter queue that are in nobody's hands. */
  waiting(): Promise<number>;
}

const signal = new AbortController().signal;
const everything = { filter: {}, signal };
const limit = 100;

/** A dead letter as our subscribers write it. */
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

/** Registers the suite's tests, under the subject's name. */
export function testDeadLetterAdmin({ name, withAdmin }: Subject): void {
  const test: Register = (what, use, options) => Deno.test(`${name}: ${what}`, () => withAdmin(use, options));
  testListing(test);
  testActing(test);
  testEnding(test);
}

function testListing(test: Register): void {
  test("list() shows the oldest first with all that is known of them, and each stays", async ({ admin, bury, waiting }) => {
    const buried = [letterOf("invalid", { [deadHeaders.detail]: "amount -5" }), letterOf("rates-timeout")];
    deepStrictEqual(await admin.list({ limit, ...everything }), { letters: [], total: 0 });
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

  test("list() shows no more than asked for, and counts all", async ({ admin, bury }) => {
    const buried = [letterOf("invalid"), letterOf("invalid"), letterOf("invalid")];
    await bury(buried);
    const { letters, total } = await admin.list({ ...everything, limit: 2 });
    deepStrictEqual([ids(letters), total], [ids(buried.slice(0, 2)), 3]);
  });

  test("list() finds by reasons, by ids, and by both", async ({ admin, bury }) => {
    const [a, b, c] = [letterOf("invalid"), letterOf("rates-timeout"), letterOf("unknown-currency")] as const;
    await bury([a, b, c]);
    const found = async (filter: { reasons?: string[]; ids?: string[] }) =>
      ids((await admin.list({ limit, signal, filter })).letters);
    deepStrictEqual(await found({ reasons: ["invalid", "unknown-currency"] }), ids([a, c]));
    deepStrictEqual(await found({ ids: ids([b]) }), ids([b]));
    deepStrictEqual(await found({ reasons: ["invalid"], ids: ids([a, b]) }), ids([a]));
    deepStrictEqual(await found({ ids: [crypto.randomUUID()] }), []);
  });

  test("each of many that look at once sees all, and so does the next", async ({ admin, bury }) => {
    const buried = Array.from({ length: 20 }, () => letterOf("invalid"));
    await bury(buried);
    const looks = await Promise.all(Array.from({ length: 8 }, () => admin.list({ limit, ...everything })));
    for (const { letters, total } of [...looks, await admin.list({ limit, ...everything })]) {
      deepStrictEqual([new Set(ids(letters)), total], [new Set(ids(buried)), 20]);
    }
  });

  test("looks at no more than the oldest of many", async ({ admin, bury }) => {
    const buried = [letterOf("invalid"), letterOf("invalid"), letterOf("rates-timeout")];
    await bury(buried);
    const { letters, total } = await admin.list({ limit, ...everything });
    deepStrictEqual([ids(letters), total], [ids(buried.slice(0, 2)), 3]);
    strictEqual(await admin.drop({ signal, filter: { reasons: ["rates-timeout"] } }), 0);
  }, { mostSeen: 2 });
}

function testActing(test: Register): void {
  test("replay() publishes a letter that matches under its own id, counts itself, and leaves the others", async ({ admin, bury, events, waiting }) => {
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

  test("replay() refuses a letter that was replayed ten times, and leaves it where it is", async ({ admin, bury, waiting }) => {
    await bury([letterOf("invalid", { [replaysHeader]: 9 }), letterOf("invalid", { [replaysHeader]: 10 })]);
    deepStrictEqual(await admin.replay(everything), { replayed: 1, refused: 1, failed: 0 });
    strictEqual(await waiting(), 1);
  });

  test("drop() removes the letters that match, for good, and no others", async ({ admin, bury, events }) => {
    const [stays, goes] = [letterOf("invalid"), letterOf("invalid")] as const;
    await bury([stays, goes]);
    strictEqual(await admin.drop({ signal, filter: { ids: ids([goes]) } }), 1);
    deepStrictEqual(ids((await admin.list({ limit, ...everything })).letters), ids([stays]));
    deepStrictEqual(await events(), []);
  });
}

function testEnding(test: Register): void {
  test("does nothing for a client that has left already", async ({ admin, bury, waiting }) => {
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
