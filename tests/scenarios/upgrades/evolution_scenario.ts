/**
 * Events between publishers and subscribers whose schemas differ; and the check's step that compares the schemas with
 * the last release's, for compatible and incompatible changes.
 */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import protobuf from "protobufjs";
import { eventually } from "../../servers/test_queues.ts";
import { Members } from "../../../tools/demo/members.ts";
import { lastRelease, schemaCheck } from "../../../dev/check/releases.ts";
import { NextVersion, readReleased, releasedMigrations, ReleasedTree } from "./versions.ts";
import { project, withWorld, type World } from "../../harness/world.ts";
import { endOf } from "../../../tools/run_program.ts";
import { TemporaryFolder } from "../../harness/temporary.ts";

const ids = {
  bet: "0190fffe-0000-7000-8000-000000000001",
  withdrawal: "0190fffe-0000-7000-8000-000000000002",
  unpriced: "0190fffe-0000-7000-8000-000000000003",
};

Deno.test("an event with a new field and one of a new type: an event that an old version cannot read waits unchanged for the upgrade", async () => {
  await using last = await ReleasedTree.checkOut();
  await using next = await NextVersion.make();
  const breaking = await endOf(Deno.execPath(), schemaCheck(join(next.path, "proto")), { cwd: project });
  strictEqual(breaking.stdout, "", "the check takes the next schema");

  const schema = schemaOf(await next.schema());
  const encode = (fields: object) => Buffer.from(schema.encode(schema.fromObject({ ...common, ...fields })).finish());
  const bodies = {
    bet: encode({ ...wager, id: "1", currency: "USD", has_won: true }),
    withdrawal: encode({ type: "EVENT_TYPE_WITHDRAWAL", id: "2", amount: "700", currency: "EUR" }),
    unpriced: encode({ ...wager, id: "3", currency: "KWD" }),
  };

  await withWorld(async (world) => {
    const now = world.withMembers(new Members(project, "task"));
    const [old, later] = [world.withMembers(last.members), world.withMembers(next.members)];
    await migrate(old);
    await old.startRatesApi();
    const first = await old.startSubscriber("last-release");
    for (const [what, body] of Object.entries(bodies)) {
      world.channel.publish(world.events, "", body, { messageId: ids[what as keyof typeof ids] });
    }
    await world.untilSettled(1, 2);
    deepStrictEqual(await row(world, ids.bet), {
      ...{ event_id: "1", player_id: "11", game_id: "101", type: "bet", amount: "500", currency: "USD" },
      ...{ has_won: true, amount_eur: "467", subscriber_id: "last-release" },
    });
    await assertWaits(world, "withdrawal", { reason: "invalid", detail: /^type / });
    await assertWaits(world, "unpriced", { reason: "unknown-currency", detail: /KWD/ });
    await old.stop(first);

    await migrate(now);
    const second = await now.startSubscriber("this-version");
    await world.replay("--all");
    await eventually("both again", async () => {
      const letters = await world.deadLetters();
      return letters.length === 2 && letters.every(({ attempts }) => attempts === 2) || undefined;
    });
    await assertWaits(world, "withdrawal", { reason: "invalid", detail: /^type = 5 is unknown to this version$/ });
    await assertWaits(world, "unpriced", { reason: "unknown-currency", detail: /KWD/ });
    await now.stop(second);

    await migrate(later);
    await later.startSubscriber("next-version");
    await world.replay("--reason", "invalid");
    await world.untilSettled(2, 1);
    deepStrictEqual(await row(world, ids.withdrawal), {
      ...{ event_id: "2", player_id: "11", game_id: null, type: "withdrawal", amount: "700", currency: "EUR" },
      ...{ has_won: null, amount_eur: "700", subscriber_id: "next-version" },
    });
    deepStrictEqual(await world.sql.one("select device from events where event_id = 2"), { device: common.device });
    await assertWaits(world, "unpriced", { reason: "unknown-currency", detail: /KWD/ });

    match(await old.publish("--count", "50", "--seed", "7"), /published 50, confirmed 50/);
    await world.untilSettled(52, 1);
    deepStrictEqual((await world.deadLetters()).map(({ messageId }) => messageId), [ids.unpriced]);
  }, { migrations: new Map() });

  /** Compares the body byte for byte, because fields that only a later version knows must stay. */
  async function assertWaits(
    world: World,
    what: keyof typeof bodies,
    { reason, detail }: { reason: string; detail: RegExp },
  ): Promise<void> {
    const letter = (await world.deadLetters()).find(({ messageId }) => messageId === ids[what]);
    if (!letter) throw new Error(`no dead letter of the ${what}`);
    strictEqual(letter.reason, reason);
    match(letter.detail, detail);
    strictEqual(Buffer.from(letter.body).toString("hex"), bodies[what].toString("hex"));
    strictEqual((schema.decode(letter.body) as unknown as { device: string }).device, common.device);
  }
});

const common = {
  ...{ player_id: "11", created_at: { seconds: "1719532800" } },
  device: "Ein Telefon, für alle",
};
const wager = { type: "EVENT_TYPE_BET", game_id: "101", amount: "500" };

function schemaOf(proto: string): protobuf.Type {
  const root = new protobuf.Root();
  root.addJSON(protobuf.common.get("google/protobuf/timestamp.proto")!.nested!);
  protobuf.parse(proto, root, { keepCase: true });
  return root.lookupType("casino.events.v1.Event");
}

async function migrate(world: World): Promise<void> {
  const { code, stderr } = await world.tryRunning("migrate", []);
  strictEqual(code, 0, stderr);
}

function row(world: World, messageId: string): Promise<object> {
  return world.sql.one(
    `select event_id, player_id, game_id, type, amount, currency, has_won, amount_eur, subscriber_id
    from events where message_id = $1`,
    [messageId],
  );
}

const eventProto = "casino/events/v1/event.proto";
const ratesProto = "casino/rates/v1/rates.proto";

type Change = readonly [file: string, from: string, to: string];

const refused: Record<string, readonly [...Change, says: RegExp]> = {
  "a removed field": [eventProto, "bool has_won = 7;", "", /field "7" with name "has_won" on message "Event" was del/],
  "a removed field with a reserved number": [
    eventProto,
    "bool has_won = 7;",
    'reserved 7; reserved "has_won";',
    /field "7" with name "has_won" on message "Event" was deleted/,
  ],
  "a field with another type": [eventProto, "int64 amount", "sint64 amount", /type from "int64" to "sint64"/],
  "a field with another number": [eventProto, "currency = 6;", "currency = 9;", /field "6" with name "currency"/],
  "a field with another name": [eventProto, "amount = 5;", "minor = 5;", /name from "amount" to "minor"/],
  "an enum value with another number": [
    eventProto,
    "GAME_STOP = 4;",
    "GAME_STOP = 5;",
    /enum value "4" on enum "EventT/,
  ],
  "an enum value with another name": [
    eventProto,
    "_BET = 2;",
    "_WAGER = 2;",
    /from "EVENT_TYPE_BET" to "EVENT_TYPE_WAG/,
  ],
  "a method with another response": [
    ratesProto,
    "returns (GetRatesResponse)",
    "returns (stream GetRatesResponse)",
    /"GetRates" on service "RatesService" changed/,
  ],
};

const taken: Record<string, Change> = {
  "a new field": [eventProto, "created_at = 8;", "created_at = 8; string campaign = 9;"],
  "a new enum value": [eventProto, "GAME_STOP = 4;", "GAME_STOP = 4; EVENT_TYPE_JACKPOT = 5;"],
  "a new method with its messages": [
    ratesProto,
    "returns (GetRatesResponse);",
    "returns (GetRatesResponse); rpc GetBases(GetRatesRequest) returns (GetRatesRequest);",
  ],
};

for (const [what, [file, from, to, says]] of Object.entries(refused)) {
  Deno.test(`the check rejects ${what} since the last release`, async () => {
    const { code, said } = await check([file, from, to]);
    match(said, says);
    strictEqual(code, 100);
  });
}

for (const [what, change] of Object.entries(taken)) {
  Deno.test(`the check accepts ${what} since the last release`, async () => {
    deepStrictEqual(await check(change), { code: 0, said: "" });
  });
}

Deno.test("the stored copy of the last release equals the release", async () => {
  const kept = join(project, "tests/releases", lastRelease.version);
  for (const file of [`proto/${eventProto}`, `proto/${ratesProto}`, "proto/casino/rates/v1/mock_control.proto"]) {
    strictEqual(await Deno.readTextFile(join(kept, file)), await readReleased(file), file);
  }
  strictEqual(lastRelease.newestMigration, (await releasedMigrations()).at(-1));
});

/** Runs the check's step on the last release's schemas with one change. */
async function check([file, from, to]: Change): Promise<{ code: number; said: string }> {
  await using folder = await TemporaryFolder.make("casino-schemas-");
  for (const each of [eventProto, ratesProto, "casino/rates/v1/mock_control.proto"]) {
    const text = await Deno.readTextFile(join(project, "tests/releases", lastRelease.version, "proto", each));
    if (each === file) strictEqual(text.split(from).length, 2, `${file} has "${from}" once`);
    await folder.write(each, each === file ? text.replace(from, to) : text);
  }
  // New files cannot break anything; buf.yaml configures the comparison.
  await Deno.copyFile(join(project, "proto/buf.yaml"), join(folder.path, "buf.yaml"));
  const { code, output } = await endOf(Deno.execPath(), schemaCheck(folder.path), { cwd: project });
  return { code, said: output };
}
