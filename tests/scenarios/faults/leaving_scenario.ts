/** Subscribers that leave: in order, or at once. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import { bet } from "../../fixtures/deliveries.ts";
import { eventually } from "../../servers/test_queues.ts";
import { getJson, urlOf } from "../../harness/http.ts";
import { project, withWorld, type World } from "../../harness/world.ts";

function totals(world: World) {
  return world.sql.one(`
    select (select count(*)::int from events) as events, (select sum(events)::int from event_counts) as counted,
      (select count(*)::int from events where type = 'bet') as bets, (select sum(bets)::int from player_totals) as counted_bets`);
}

async function untilSome(world: World): Promise<void> {
  await eventually("the first stored events", async () => await world.rows() > 0 || undefined);
}

Deno.test("SIGTERM with deliveries in hand: what was taken is settled, the rest goes on elsewhere, nothing is lost or doubled", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    await world.publish("--count", "20000", "--players", "50");
    const first = await world.startSubscriber("first");
    await untilSome(world);
    await world.stop(first);
    strictEqual((await first.ended).code, 0);
    deepStrictEqual([first.messages.at(-1), first.lastFields["requeue"]], ["Left", 0]);
    const stored = await world.rows();
    strictEqual(first.lastFields["stored"], stored, "all that it acknowledged is stored, and no more");
    // At least: a quorum queue may forget the last acks of a channel that closes, and gives those messages out again.
    const rest = 20_000 - stored;
    await eventually("the rest in the queue", async () => await world.messagesIn(world.events) >= rest || undefined);
    await world.startSubscriber("second");
    await world.untilSettled(20_000);
    const { events, counted, bets, counted_bets } = await totals(world) as Record<string, number>;
    deepStrictEqual([events, counted, counted_bets], [20_000, 20_000, bets]);
  });
});

Deno.test("SIGTERM with 2,000 messages in hand, all waiting for rates: they are finished within the grace period, the rest stays", async () => {
  await withWorld(async (world) => {
    const count = 2_500;
    const env = { PREFETCH: "2000", RATES_WAIT_MS: "60000", SHUTDOWN_GRACE_MS: "60000" };
    const full = await world.startSubscriber("full", env, { http: "127.0.0.1:0" });
    for (let id = 1n; id <= count; id++) {
      const messageId = `00000000-0000-7000-8000-${String(id).padStart(12, "0")}`;
      world.channel.publish(world.events, "", Buffer.from(encodeEvent(bet({ id }))), { messageId });
    }
    // What the broker has sent may still be on its way.
    const inHand = async () => (await getJson(`${urlOf(full)}/overview`)).queue?.in_hand;
    await eventually("2,000 in hand", async () => await inHand() === 2_000 || undefined);
    await eventually("the rest in the queue", async () => await world.messagesIn(world.events) === 500 || undefined);
    full.child.kill("SIGTERM");
    await world.untilLogged(full, "Leaving: finishing what is in hand");
    strictEqual(await world.rows(), 0);
    await world.startRatesApi();
    strictEqual((await full.ended).code, 0);
    await full.read;
    deepStrictEqual([full.lastFields["stored"], full.lastFields["requeue"], await world.rows()], [2_000, 0, 2_000]);
    await world.startSubscriber("next");
    await world.untilSettled(count);
    deepStrictEqual(await totals(world), { events: count, counted: count, bets: count, counted_bets: count });
  });
});

Deno.test("kill -9 in the middle, twice: each event is stored once and counted once", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    await world.publish("--count", "20000", "--players", "50");
    for (const id of ["first", "second"]) {
      const before = await world.rows();
      const victim = await world.startSubscriber(id);
      await eventually("some progress", async () => await world.rows() > before || undefined);
      victim.child.kill("SIGKILL");
      await victim.ended;
    }
    const last = await world.startSubscriber("last");
    await world.untilSettled(20_000);
    await world.stop(last);
    const { events, counted, bets, counted_bets } = await totals(world) as Record<string, number>;
    deepStrictEqual([events, counted, counted_bets], [20_000, 20_000, bets]);
    deepStrictEqual([await world.messagesIn(world.events), await world.messagesIn(world.dead)], [0, 0]);
  });
});

Deno.test("a second signal leaves at once, and what was in hand goes back to the queue", async () => {
  await withWorld(async (world) => {
    // Without a rates API its events wait for a minute, and so would an orderly end.
    const patient = await world.startSubscriber("patient", { RATES_WAIT_MS: "60000", SHUTDOWN_GRACE_MS: "60000" });
    await world.publish("--input", join(project, "samples/events.ndjson"));
    await eventually("what needs no rates", async () => await world.rows() > 0 || undefined);
    patient.child.kill("SIGTERM");
    await world.untilLogged(patient, "Leaving: finishing what is in hand");
    // What comes sooner counts as the same signal, for Ctrl-C arrives twice.
    await new Promise((resolve) => setTimeout(resolve, 700));
    patient.child.kill("SIGTERM");
    strictEqual((await patient.ended).code, 130);
    await patient.read;
    const [rows, letters] = [await world.rows(), await world.messagesIn(world.dead)];
    await eventually(
      "the rest in the queue",
      async () => await world.messagesIn(world.events) >= 27 - rows - letters || undefined,
    );
  });
});

Deno.test("a subscriber that the broker refuses says so in one sentence and exits with 1", async () => {
  await withWorld(async (world) => {
    const url = world.env["RABBITMQ_URL"]!.replace("guest:guest", "guest:wrong");
    const refused = world.launchSubscriber("refused", { RABBITMQ_URL: url });
    strictEqual((await refused.ended).code, 1);
    await refused.read;
    strictEqual(refused.messages.includes("The broker refuses us; leaving"), true);
    strictEqual(JSON.stringify(refused.messages).includes("wrong"), false, "no password in the log");
  });
});
