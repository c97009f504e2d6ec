/** A keeper between a real queue and a real table: each letter is in the table once, in order, and none is lost. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { deadHeaders } from "../../../shared/rabbitmq/publish/dead_letters.ts";
import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import { deadLetterExchangeOf } from "../../../shared/rabbitmq/topology.ts";
import { KeeperState } from "../../../subscriber/dead_letters/keeper/keeper_state.ts";
import { type LetterRow, writtenColumns } from "../../../subscriber/dead_letters/letter_row.ts";
import { propertiesOfWire } from "../../../shared/rabbitmq/origin/wire_properties.ts";
import { systemClock as clock } from "../../../shared/runtime/clock.ts";
import { never } from "../../conformance/queue/subject.ts";
import { publishDead, withTestLetters } from "../../servers/test_letters.ts";
import { TcpProxy } from "../../servers/tcp_proxy.ts";
import { eventually, inQueue, recordedLeaving } from "../../servers/test_queues.ts";
import { codes, details, kept, letters, reasons } from "../../servers/numbered_letters.ts";

function detailOf({ values }: LetterRow): string | null | undefined {
  return values[writtenColumns.findIndex(([name]) => name === "detail")];
}

/** A stub table that is away until `takes` is set. */
function away(problem = "Postgres is away") {
  const rows: LetterRow[] = [];
  const table = {
    takes: false,
    rows,
    check: () => table.takes ? Promise.resolve() : Promise.reject(new Error(problem)),
    keep(some: readonly LetterRow[]) {
      if (!table.takes) return Promise.reject(new Error(problem));
      rows.push(...some);
      return Promise.resolve();
    },
    rehearse: () => table.check(),
  };
  return table;
}

Deno.test("10,000 letters are in the table once each and in order; reading changes nothing", async () => {
  await withTestLetters(async (scene) => {
    const { queues, admin, startKeeper, untilKept } = scene;
    const all = letters(10_000);
    publishDead(queues, all);
    startKeeper();
    await untilKept(all.length);
    deepStrictEqual(await kept(scene), details(all));
    await inQueue(queues, queues.dead, 0);

    const look = { filter: {}, signal: never };
    const page = await admin.list({ ...look, limit: 100 });
    deepStrictEqual([page.total, page.letters.map(({ detail }) => detail)], [10_000, details(all.slice(0, 100))]);
    const groups = await admin.groups(look);
    deepStrictEqual(
      groups.map(({ reason, cause, letters }) => [reason, cause, letters]).sort(),
      reasons.map((reason, n) => [reason, "amount N", n < 4 ? 1_667 : 1_666]).sort(),
    );
    const last = all.at(-1)!.messageId;
    const one = await admin.list({ ...look, filter: { ids: [last] }, limit: 1 });
    deepStrictEqual(one.letters.map(({ messageId, event }) => [messageId, event?.id]), [[last, 9_999n]]);
    deepStrictEqual(await kept(scene), details(all));
  });
});

Deno.test("two keepers share the queue, and one that is cut off loses and duplicates no letter", async () => {
  await withTestLetters(async (scene) => {
    const { queues, startKeeper, table, untilKept } = scene;
    await using proxy = await TcpProxy.before(queues.broker.url);
    let cuts = 0;
    // Cut after the commit and before the ack: the worst moment.
    const dying = {
      check: () => table.check(),
      rehearse: (row: LetterRow) => table.rehearse(row),
      async keep(rows: readonly LetterRow[]) {
        await table.keep(rows);
        if (cuts < 5) {
          cuts++;
          proxy.cut();
        }
      },
    };
    const all = letters(5_000);
    publishDead(queues, all);
    startKeeper({ url: proxy.url, table: dying });
    await eventually("a cut", () => cuts > 0 || undefined);
    startKeeper();
    await untilKept(all.length);
    await inQueue(queues, queues.dead, 0);
    deepStrictEqual((await kept(scene)).sort(), details(all).sort());
  });
});

Deno.test("the same letter that the queue delivers again is one row; a letter that died again is another row", async () => {
  await withTestLetters(async (scene) => {
    const { queues, startKeeper, untilKept, sql } = scene;
    const [letter] = letters(1) as [Delivery];
    const again = { ...letter, headers: { ...letter.headers, [deadHeaders.attempts]: 2 } };
    startKeeper();
    // The broker counts a letter's deliveries in its headers.
    publishDead(queues, [letter, letter, { ...letter, headers: { ...letter.headers, "x-delivery-count": 7 } }, again]);
    await untilKept(2);
    await inQueue(queues, queues.dead, 0);
    const rows = await sql.query("select message_id, attempts from dead_letters order by id");
    deepStrictEqual(rows, [1, 2].map((attempts) => ({ message_id: letter.messageId, attempts: String(attempts) })));
  });
});

Deno.test("letters stay in their queue untouched while Postgres is away, and arrive in order afterwards", async () => {
  await withTestLetters(async ({ queues, startKeeper }) => {
    const all = letters(250);
    const table = away();
    const state = new KeeperState(queues.dead);
    const { log, logged } = codes();
    publishDead(queues, all);
    await inQueue(queues, queues.dead, all.length);
    startKeeper({ table, state, log });
    await eventually("the keeper to hold", () => state.held);
    const { messageCount, consumerCount } = await queues.channel.checkQueue(queues.dead);
    deepStrictEqual([messageCount, consumerCount], [all.length, 0]);
    match(state.problems({ clock }).join(), /Postgres does not accept them \(Postgres is away\)/);
    table.takes = true;
    await eventually("all letters", () => table.rows.length === all.length || undefined);
    deepStrictEqual(table.rows.map(detailOf), details(all));
    deepStrictEqual([state.held, state.problems({ clock })], [undefined, []]);
    const seen = logged.map(({ event }) => event);
    deepStrictEqual(seen, ["dead_letters.held", "dead_letters.kept_again", "dead_letters.ready"]);
  });
});

Deno.test("a letter that is in hand when Postgres goes away is held, not redelivered repeatedly", async () => {
  await withTestLetters(async ({ queues, startKeeper }) => {
    const table = away();
    table.takes = true;
    const state = new KeeperState(queues.dead);
    startKeeper({ table, state });
    const [first, second, third] = letters(3) as [Delivery, Delivery, Delivery];
    publishDead(queues, [first]);
    await eventually("the first", () => table.rows.length === 1 || undefined);
    table.takes = false;
    publishDead(queues, [second]);
    await eventually("the keeper to hold", () => state.held);
    publishDead(queues, [third]);
    await inQueue(queues, queues.dead, 1);
    const { consumerCount } = await queues.channel.checkQueue(queues.dead);
    strictEqual(consumerCount, 1, "KeeperState.watchDepth() goes by what the broker counts for a cancelled consumer");
    table.takes = true;
    await eventually("the others", () => table.rows.length === 3 || undefined);
    const { headers } = propertiesOfWire(table.rows[1]!.properties);
    strictEqual("x-delivery-count" in headers!, false, "delivered more than once");
  });
});

Deno.test("a letter of 16 MiB is kept whole; a larger one is held in its queue and told, and its neighbours are kept", async () => {
  await withTestLetters(async ({ queues, startKeeper, sql, untilKept }) => {
    const state = new KeeperState(queues.dead);
    const { log, logged } = codes();
    const [first, largest, tooLarge, last] = letters(4) as [Delivery, Delivery, Delivery, Delivery];
    const body = Buffer.alloc(16_777_216, "all of it counts");
    publishDead(queues, [first, { ...largest, body }, { ...tooLarge, body: Buffer.alloc(16_777_217) }, last]);
    const keeper = startKeeper({ state, log });
    await untilKept(3);
    const [kept] = await sql.query(
      "select encode(sha256(body), 'hex') as hash from dead_letters where octet_length(body) > 1000000",
    );
    strictEqual(kept!["hash"], createHash("sha256").update(body).digest("hex"));
    const unread = logged.filter(({ event }) => event === "dead_letters.unread");
    deepStrictEqual(unread.map(({ messageId }) => messageId), [tooLarge.messageId]);
    match(
      state.problems({ clock }).join(),
      new RegExp(`too large for the keeper: ${tooLarge.messageId} has 16777217 bytes`),
    );
    publishDead(queues, letters(300, 4));
    // `kept` is counted after the ack.
    await eventually("the others", () => state.kept === 303 || undefined);
    await keeper.close();
    strictEqual(state.unread, undefined);
    await inQueue(queues, queues.dead, 1);
  });
});

Deno.test("a keeper that closes waits for the reply to its cancel, so that acks in flight count", async () => {
  await withTestLetters(async ({ queues, startKeeper, untilKept }) => {
    const { said, connect } = recordedLeaving();
    const keeper = startKeeper({ connect });
    publishDead(queues, letters(3));
    await untilKept(3);
    said.length = 0;
    await keeper.close();
    deepStrictEqual(said, ["cancel", "cancelled", "close"]);
    await inQueue(queues, queues.dead, 0);
  });
});

Deno.test("letters with hostile properties are kept: NUL characters, impossible years, invalid text", async () => {
  await withTestLetters(async ({ queues: { channel, dead }, startKeeper, admin, untilKept }) => {
    startKeeper();
    const hostile = [
      { [deadHeaders.reason]: "a\0b".repeat(9_000), [deadHeaders.detail]: "c\0", [deadHeaders.subscriber]: "\0" },
      { [deadHeaders.reason]: "r", [deadHeaders.detail]: "d", [deadHeaders.lastFailedAt]: "+275760-09-13T00:00:00Z" },
      { [deadHeaders.reason]: "r", [deadHeaders.firstFailedAt]: "-000001-01-01", [deadHeaders.attempts]: 2 ** 60 },
      { [deadHeaders.reason]: 7, [deadHeaders.detail]: { "!": "timestamp", value: 2 ** 63 }, "x-death": "none" },
      { [deadHeaders.reason]: "r", "x-death": [null, 7], deep: { a: { b: { c: [[[[1]]]] } } } },
      {},
    ];
    for (const [n, headers] of hostile.entries()) {
      channel.publish(deadLetterExchangeOf(dead), "\0key", Buffer.from(`${n}`), {
        headers,
        messageId: `no\0uuid ${n}`,
      });
    }
    await untilKept(hostile.length);
    const { letters } = await admin.list({ filter: {}, limit: 100, signal: never });
    deepStrictEqual(letters.map(({ sentId }) => sentId), hostile.map((_, n) => `no\0uuid ${n}`));
  });
});

Deno.test("a policy that takes events out of their queue unprocessed is reported in log, page and metrics", async () => {
  await withTestLetters(async ({ queues, startKeeper, untilKept, admin }) => {
    const { channel, events, dead } = queues;
    const state = new KeeperState(dead);
    const { log, logged } = codes();
    startKeeper({ state, log });
    channel.publish(events, "", Buffer.from("late"), { messageId: crypto.randomUUID(), expiration: "1" });
    await untilKept(1);
    await eventually("the count", () => state.byBroker.get("expired") === 1 || undefined);
    const { letters: [letter] } = await admin.list({ filter: {}, limit: 1, signal: never });
    deepStrictEqual([letter?.reason, letter?.byBroker], ["expired", true]);
    match(
      state.problems({ clock }).join(),
      /policy of the broker removes unprocessed events from their queue \(expired\)/,
    );
    deepStrictEqual(
      logged.filter(({ event }) => event === "dead_letters.by_policy").map(({ reason, letters }) => [reason, letters]),
      [["expired", 1]],
    );
  });
});

Deno.test("a queue that becomes shorter while its letters are held is reported", async () => {
  await withTestLetters(async ({ queues, startKeeper }) => {
    const { channel, dead } = queues;
    const state = new KeeperState(dead);
    const { log, logged } = codes();
    publishDead(queues, letters(5));
    await inQueue(queues, dead, 5);
    startKeeper({ table: away(), state, log });
    await eventually("the keeper to hold", () => state.held);
    strictEqual(state.shrinks, 0);
    // Removes a letter, like a policy with message-ttl.
    await channel.get(dead, { noAck: true });
    await eventually("the keeper to notice", () => state.shrinks === 1 || undefined);
    match(state.problems({ clock }).join(" "), /1 letters? left .* while Postgres accepted none/);
    strictEqual(logged.filter(({ event }) => event === "dead_letters.queue_shrank").length, 1);
  });
});

Deno.test("letters that expire in their queue while they are held are reported", async () => {
  await withTestLetters(async ({ queues, startKeeper }) => {
    const { channel, dead } = queues;
    await channel.deleteQueue(dead);
    await channel.assertQueue(dead, { arguments: { "x-queue-type": "quorum", "x-message-ttl": 2_000 } });
    await channel.bindQueue(dead, deadLetterExchangeOf(dead), "");
    const state = new KeeperState(dead);
    startKeeper({ table: away(), state });
    publishDead(queues, letters(5));
    await eventually("the keeper to notice", () => state.shrinks > 0 || undefined);
    match(state.problems({ clock }).join(" "), /letters? left .* while Postgres accepted none: a policy/);
  });
});

Deno.test("a queue that becomes shorter because another keeper takes letters is not reported", async () => {
  await withTestLetters(async ({ queues, startKeeper, untilKept }) => {
    const state = new KeeperState(queues.dead);
    startKeeper({ table: away(), state });
    await eventually("the keeper to hold", () => state.held);
    publishDead(queues, letters(2_000));
    startKeeper();
    await untilKept(2_000);
    strictEqual(state.shrinks, 0);
  });
});

Deno.test("a keeper waits for a queue that is not declared yet, and for a deleted one", async () => {
  await withTestLetters(async ({ queues, startKeeper, untilKept }) => {
    const { channel, dead } = queues;
    await channel.deleteQueue(dead);
    const { log, logged } = codes();
    startKeeper({ log });
    const redeclare = async () => {
      await channel.assertQueue(dead, { arguments: { "x-queue-type": "quorum" } });
      await channel.bindQueue(dead, deadLetterExchangeOf(dead), "");
    };
    await redeclare();
    publishDead(queues, letters(1));
    await untilKept(1);
    await channel.deleteQueue(dead);
    await eventually("the keeper to notice", () => logged.find(({ event }) => event === "broker.unreachable"));
    await redeclare();
    publishDead(queues, letters(1, 1));
    await untilKept(2);
  });
});
