/** Jobs at real subscribers. A job outlives the subscribers, and the process that ordered it. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import { deadHeaders } from "../../../shared/rabbitmq/publish/dead_letters.ts";
import { deadLetterExchangeOf } from "../../../shared/rabbitmq/topology.ts";
import { bet } from "../../fixtures/deliveries.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { withWorld, type World } from "../../harness/world.ts";

const causes = [
  "expired",
  "store-rejected",
  "processing-failed",
  "unknown-currency",
  "invalid",
  "delivery-limit",
];

/**
 * Publishes letters of causes that do not heal by themselves. Their events can be stored now, except those with the
 * unknown currency of `bad`.
 */
function bury({ channel, dead }: World, count: number, bad = false): void {
  for (let n = 0; n < count; n++) {
    const headers = {
      [deadHeaders.reason]: bad ? "unknown-currency" : causes[n % causes.length]!,
      [deadHeaders.detail]: bad ? 'currency "XTS" is neither an ISO 4217 code nor BTC' : `as scripted, ${n}`,
      [deadHeaders.lastFailedAt]: new Date().toISOString(),
      [deadHeaders.attempts]: 1,
    };
    const body = encodeEvent(bet({ id: BigInt(n + 1), currency: bad ? "XTS" : "EUR" }));
    const properties = { messageId: crypto.randomUUID(), headers, persistent: true };
    channel.publish(deadLetterExchangeOf(dead), "", Buffer.from(body), properties);
  }
}

async function count({ sql }: World, where: string): Promise<number> {
  return (await sql.one<{ n: number }>(`select count(*)::int as n from ${where}`)).n;
}

/** Waits longer than `eventually`: a lease has to end, and a replay reaches its rate slowly. */
async function patiently(what: string, ask: () => Promise<true | undefined>): Promise<void> {
  for (let tries = 1; tries < 4; tries++) if (await eventually(what, ask).catch(() => false)) return;
  await eventually(what, ask);
}

async function dead(world: World, ...args: string[]) {
  return await world.tryRunning("dead", args);
}

Deno.test("a job replays 10,000 letters of 6 causes while its subscribers are killed twice: each is stored once, none is lost", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const first = await world.startSubscriber("first");
    bury(world, 10_000);
    await eventually("the letters", async () => await count(world, "dead_letters") === 10_000 || undefined);
    const { stdout, code } = await dead(world, "replay", "--all");
    strictEqual(code, 0);
    const [, id] = /^Job (\S+): replay of 10000 letters\.$/m.exec(stdout) ?? [];
    const done = async () => Number((await world.sql.one("select done from jobs"))["done"]);

    await patiently("some letters", async () => await done() > 300 || undefined);
    await world.members.kill(first);
    const second = await world.startSubscriber("second");
    const before = await done();
    await patiently("some more letters", async () => await done() > before + 50 || undefined);
    await world.members.kill(second);
    await world.startSubscriber("third");
    const state = async () => String((await world.sql.one("select state from jobs"))["state"]);
    await patiently("the job's end", async () => await state() !== "running" || undefined);
    await eventually("every event", async () => await count(world, "events") >= 10_000 || undefined);
    await patiently(
      "no letter left",
      async () => await count(world, "dead_letters where status <> 'resolved'") === 0 || undefined,
    );
    deepStrictEqual(
      [await count(world, "events"), await count(world, "dead_letters"), await state()],
      [10_000, 10_000, "done"],
    );
    const told = JSON.parse((await dead(world, "jobs", id!, "--json")).stdout);
    deepStrictEqual([told.total, told.done, told.failed, told.stored, told.died], [10_000, 10_000, 0, 10_000, 0]);
  });
});

Deno.test("a replay of letters that die again stops by itself, shows the cause, and can be cancelled", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    await world.startSubscriber("one");
    bury(world, 200, true);
    await eventually("the letters", async () => await count(world, "dead_letters") === 200 || undefined);
    const { stdout, code } = await dead(world, "replay", "--all", "--wait");
    strictEqual(code, 1);
    match(stdout, /^\S{36} {2}replay {2}stopped {2}\d+ of 200 letters/m);
    match(stdout, /\d+ failed again with the same cause/);
    match(stdout, /^ {2}failed again \S{36} {2}unknown-currency {2}currency "XTS"/m);
    const [id] = /\S{36}/.exec(stdout)!;
    match((await dead(world, "jobs", "cancel", id)).stdout, /cancelled/);
    strictEqual((await dead(world, "jobs", "resume", id)).code, 1);
    match((await dead(world, "jobs")).stdout, /replay {2}cancelled/);
    strictEqual((await dead(world, "jobs", crypto.randomUUID())).code, 1);
    strictEqual(await count(world, "dead_letters where status = 'dead'") >= 200 - 20, true);

    match((await dead(world, "drop", "--all", "--wait")).stdout, /drop {2}done/);
    strictEqual(await count(world, "dead_letters where status = 'dead'"), 0);
    match((await dead(world, "undo", "--all", "--wait")).stdout, /undo {2}done/);
    const refused = await dead(world, "edit", "--all", "--set", "currency=EUR");
    strictEqual(refused.code, 2);
    match(refused.stderr, /an edit of several letters .*--yes/);
    const dry = await dead(world, "edit", "--all", "--set", "currency=EUR", "--where", "currency=XTS", "--dry-run");
    match(dry.stdout, /^would edit: 200, unchanged: 0$/m);
    match(dry.stderr, /DRY RUN: no letter was edited/);
    strictEqual(await count(world, "dead_letter_edits"), 0);
    const { message_id: one } = await world.sql.one(
      "select message_id from dead_letters where status = 'dead' limit 1",
    );
    match((await dead(world, "edit", String(one), "--set", "amount=-1")).stdout, /amount = -1 must be 0 or more/);
    match((await dead(world, "edit", String(one), "--set", "currency=JPY")).stdout, /"currency":"JPY".*\n.*edited: 1/s);
    match((await dead(world, "show", String(one))).stdout, /^edited +\{.*"JPY".*\} by deno task dead at /m);
    const edited = await dead(world, "edit", "--all", "--set", "currency=EUR", "--yes", "--wait");
    match(edited.stdout, /edit {2}done/);
    const shown = (await dead(world, "show", String(one))).stdout;
    match(shown, /^history .*\b2 edits\b[^]*\n {2}\S+ {2}edited by deno task dead\n {4}currency: XTS → JPY\n/m);
    match(shown, /\n {4}currency: JPY → EUR\n[^]*^original +\{.*"XTS"/m);
    const { history } = JSON.parse((await dead(world, "show", String(one), "--json")).stdout);
    deepStrictEqual(history.edits.map(({ event }: { event: { currency: string } }) => event.currency), ["JPY", "EUR"]);
    match((await dead(world, "replay", "--all", "--wait")).stdout, /replay {2}done/);
    await eventually("the events", async () => await count(world, "events") === 200 || undefined);
  });
});

Deno.test("an event without rates heals by itself once the rates API is back", async () => {
  await withWorld(async (world) => {
    const times = { RATES_CALL_TIMEOUT_MS: "200", RATES_LOCK_TTL_MS: "400", RATES_WAIT_MS: "1000" };
    await world.startSubscriber("one", times);
    const body = Buffer.from(encodeEvent(bet({ currency: "USD" })));
    world.channel.publish(world.events, "", body, { messageId: crypto.randomUUID() });
    await eventually("the letter", async () => await count(world, "dead_letters") === 1 || undefined);
    await world.startRatesApi();
    const healed = async () => await count(world, "dead_letters where status = 'resolved'") === 1 || undefined;
    await patiently("its event", healed);
    deepStrictEqual(await world.sql.query("select created_by, done::int from jobs"), [
      { created_by: "the subscribers themselves", done: 1 },
    ]);
  });
});
