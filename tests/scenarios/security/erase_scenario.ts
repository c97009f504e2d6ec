/** `deno task erase` while members work: what is erased, what stays, and what arrives later for the player. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import { bet } from "../../fixtures/deliveries.ts";
import { get, getJson, untilAnswered, urlOf } from "../../harness/http.ts";
import { withWorld, type World } from "../../harness/world.ts";

const personal = "select count(*)::int as events from events where events::text like '%jane@%'";
const sums = `select (select json_agg(t order by player_id) from player_totals_now t) as totals,
  (select sum(events)::int from event_counts_now) as counts`;

function send({ channel, events }: World, id: bigint, messageId: string): void {
  channel.publish(events, "", Buffer.from(encodeEvent(bet({ id }))), { messageId, persistent: true });
}

Deno.test("deno task erase removes a player's data from tables and subscribers' memory, and nothing else", async (t) => {
  await withWorld(async (world) => {
    const erase = (...args: string[]) => world.tryRunning("erase", ["--player", "11", ...args]);
    await world.startRatesApi();
    const subscriber = await world.startSubscriber("one", {}, { http: "127.0.0.1:0" });
    const http = urlOf(subscriber);
    const id = "0190f3f5-3a00-7000-8000-00000000000b";
    await world.publish("--input", "samples/events.ndjson");
    send(world, 4711n, id);
    await world.untilSettled(27, 1);
    const { events: count } = await world.sql.one<{ events: number }>(personal);
    ok(count > 1);
    const before = await world.sql.one(sums);
    ok((await (await get(`${http}/events`)).text()).includes("jane@"));

    await t.step(
      "erase requires --yes without a terminal, a dry run erases nothing, and a wrong player is rejected",
      async () => {
        const unasked = await erase();
        strictEqual(unasked.code, 2);
        match(unasked.stderr, /without one, add --yes, or --dry-run/);
        const dry = await erase("--dry-run", "--json");
        deepStrictEqual([dry.code, JSON.parse(dry.stdout).found], [0, { events: count, letters: 0 }]);
        match(dry.stderr, /^DRY RUN: no data was erased\.$/m);
        deepStrictEqual(await world.sql.one(personal), { events: count });
        deepStrictEqual(await world.sql.query("select from acts"), []);
        const wrong = await world.tryRunning("erase", ["--player", "jane", "--yes"]);
        deepStrictEqual([wrong.code, (await world.tryRunning("erase", ["--yes"])).code], [2, 2]);
        match(wrong.stderr, /--player=jane must be a whole number/);
      },
    );

    await t.step("it erases, counts, warns of the row in players, and is in the audit without the data", async () => {
      const { code, stdout, stderr } = await erase("--yes", "--json");
      deepStrictEqual([code, JSON.parse(stdout)], [0, {
        ...{ player: "11", state: "done", found: { events: count, letters: 0 } },
        ...{ erased: { events: count, letters: 0, players: 0 }, player_row: true },
      }]);
      match(stderr, /The table players still has this player/);
      deepStrictEqual([await world.sql.one(personal), await world.sql.one(sums)], [{ events: 0 }, before]);
      const [act, ...others] = await world.sql.query("select act, filter, affected, state, via, result from acts");
      deepStrictEqual([act, others], [{
        ...{ act: "erase", filter: { player: "11", player_row: "false" }, affected: String(count), state: "done" },
        ...{ via: "deno task erase", result: JSON.stringify({ events: count, letters: 0, players: 0 }) },
      }, []]);
    });

    await t.step("a subscriber forgets the player's events in memory", async () => {
      const text = async () => await (await get(`${http}/events`)).text();
      await untilAnswered(text, (events) => !events.includes("jane@"), "it has forgotten");
      ok((await text()).includes("bob@example.com"));
    });

    await t.step(
      "a redelivered event stays erased; a new one has the e-mail until the player's row is gone",
      async () => {
        send(world, 4711n, id);
        send(world, 4712n, "0190f3f5-3a00-7000-8000-00000000000c");
        await world.untilSettled(28, 1);
        deepStrictEqual(await world.sql.one(personal), { events: 1 });
        const { code, stdout } = await erase("--yes", "--player-row");
        strictEqual(code, 0);
        match(
          stdout,
          /^To erase: 1 event .*\. The player's row in the table players will be deleted\.\nErased: 1 event, 0 dead letters and edits\.$/m,
        );
        send(world, 4713n, "0190f3f5-3a00-7000-8000-00000000000d");
        await world.untilSettled(29, 1);
        deepStrictEqual(await world.sql.one(personal), { events: 0 });
        const { events_total } = await getJson(`${http}/materialized`);
        strictEqual(events_total, 29);
      },
    );
  });
});
