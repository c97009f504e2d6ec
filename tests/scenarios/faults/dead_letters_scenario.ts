/** The keepers of dead letters, and the command that works on their table. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { deadHeaders } from "../../../shared/rabbitmq/publish/dead_letters.ts";
import { deadLetterExchangeOf } from "../../../shared/rabbitmq/topology.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { withWorld, type World } from "../../harness/world.ts";

/** Publishes letters as subscribers write them, each with its own detail. */
function bury({ channel, dead }: World, count: number, from = 0): void {
  for (let n = from; n < from + count; n++) {
    const headers = {
      [deadHeaders.reason]: n % 2 ? "invalid" : "undecodable",
      [deadHeaders.detail]: `amount ${-n}`,
      [deadHeaders.lastFailedAt]: new Date().toISOString(),
      [deadHeaders.attempts]: 1,
    };
    const messageId = crypto.randomUUID();
    channel.publish(deadLetterExchangeOf(dead), "", Buffer.from(`${n}`), { messageId, headers, persistent: true });
  }
}

async function dead(world: World, ...args: string[]) {
  return await world.tryRunning("dead", args);
}

async function ready({ channel, dead }: World): Promise<number> {
  return (await channel.checkQueue(dead)).messageCount;
}

Deno.test("one of two subscribers is killed amid 5,000 letters: each letter is in the table once", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const [one] = await Promise.all(["one", "other"].map((id) => world.startSubscriber(id)));
    bury(world, 5_000);
    const kept = async () => Number((await world.sql.one("select count(*)::int as n from dead_letters"))["n"]);
    await eventually("some letters", async () => await kept() > 300 || undefined);
    await world.members.kill(one!);
    await eventually("all letters", async () => await kept() >= 5_000 && await ready(world) === 0 || undefined);
    deepStrictEqual(
      await world.sql.query(
        "select count(*)::int as rows, count(distinct detail)::int as letters from dead_letters",
      ),
      [{ rows: 5_000, letters: 5_000 }],
    );
  });
});

Deno.test("with DEAD_LETTER_KEEPER=off letters stay in their queue, and dead reports it; with a keeper dead has them", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const off = await world.startSubscriber("off", { DEAD_LETTER_KEEPER: "off" });
    await world.untilLogged(off, "dead_letters.off");
    bury(world, 4);
    await eventually("the letters", async () => await ready(world) === 4 || undefined);
    const without = await dead(world, "list");
    strictEqual(without.stdout.trim(), "No dead letters.");
    match(
      without.stderr,
      /4 more letters are in the queue \S+\.dead\. No subscriber moves the queue into the table\./,
    );

    await world.startSubscriber("on");
    await eventually("no letter in the queue", async () => await ready(world) === 0 || undefined);
    const groups = (await dead(world, "groups", "--json")).stdout.trim().split("\n").map((line) => JSON.parse(line));
    deepStrictEqual(groups.map(({ reason, letters, cause }) => `${reason}: ${letters} ${cause}`).sort(), [
      "invalid: 2 amount N",
      "undecodable: 2 amount N",
    ]);
    const [{ group }] = groups.filter(({ reason }) => reason === "invalid");
    const list = async (...args: string[]) =>
      (await dead(world, "list", "--json", ...args)).stdout.trim().split("\n")
        .filter(Boolean).map((line) => JSON.parse(line).detail);
    deepStrictEqual(await list(), ["amount 0", "amount -1", "amount -2", "amount -3"]);
    deepStrictEqual(await list("--group", group, "--newest"), ["amount -3", "amount -1"]);
    deepStrictEqual(await list("--newest", "--limit", "1"), ["amount -3"]);
    deepStrictEqual([await list("--since", "1h", "--text=-2"), await list("--until", "1h")], [["amount -2"], []]);
    strictEqual((await dead(world, "list", "--since", "soon")).code, 2);
    match((await dead(world, "drop", "--group", group)).stdout, /^Dropped invalid: 2$/m);
    match((await dead(world, "groups")).stdout, /^\w{12} {2}2 letters {2}undecodable {2}/);
    strictEqual((await dead(world, "list")).stderr, "");
  });
});

Deno.test("a subscriber whose table of letters is missing stores events, holds its letters and reports it", async () => {
  await withWorld(async (world) => {
    await world.sql.query("alter table dead_letters rename to elsewhere");
    await world.startRatesApi();
    const subscriber = await world.startSubscriber("one");
    await world.untilLogged(subscriber, "dead_letters.held");
    bury(world, 3);
    await world.publish("--count", "20", "--seed", "3");
    await eventually("the events", async () => await world.rows() === 20 || undefined);
    strictEqual(await ready(world), 3);
    const { code, stderr } = await dead(world, "list");
    strictEqual(code, 1);
    match(stderr, /relation "dead_letters" does not exist; run `deno task migrate`/);
    await world.sql.query("alter table elsewhere rename to dead_letters");
    await eventually(
      "the letters",
      async () => (await world.deadLetters()).length === 3 && await ready(world) === 0 || undefined,
    );
    await world.untilLogged(subscriber, "dead_letters.kept_again");
  });
});
