/** Subscribers that shut down, gracefully or at once. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { hasLogged } from "../../../tools/demo/members.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { getJson, urlOf } from "../../harness/http.ts";
import { project, withWorld, type World } from "../../harness/world.ts";
import { checkTotals } from "../../servers/materialized_by_sql.ts";
import { publishBets } from "../../servers/test_queues.ts";

async function untilSomeStored(world: World): Promise<void> {
  await eventually("the first stored events", async () => await world.rows() > 0 || undefined);
}

async function untilQueued(world: World, least: number): Promise<void> {
  await eventually("the rest in the queue", async () => await world.messagesIn(world.events) >= least || undefined);
}

Deno.test("SIGTERM under load: events in hand are settled, another subscriber stores the rest, none is lost or duplicated", async () => {
  await withWorld(async (world) => {
    const count = 20_000;
    await world.startRatesApi();
    await world.publish("--count", String(count), "--players", "50");
    const first = await world.startSubscriber("first");
    await untilSomeStored(world);
    await world.stop(first);
    strictEqual((await first.ended).code, 0);
    const stored = await world.rows();
    const { event, stored: acknowledged, requeued } = first.lastFields;
    deepStrictEqual({ event, acknowledged, requeued }, { event: "member.left", acknowledged: stored, requeued: 0 });
    // At least as many: a quorum queue may lose the last acks of a closing channel, and redelivers those messages.
    await untilQueued(world, count - stored);
    await world.startSubscriber("second");
    await world.untilSettled(count);
    await checkTotals(world.sql, count);
  });
});

Deno.test("SIGTERM with 2,000 messages in hand that wait for rates: they finish within the grace period, and the rest stays", async () => {
  await withWorld(async (world) => {
    const count = 2_500;
    const env = { PREFETCH: "2000", RATES_WAIT_MS: "60000", SHUTDOWN_GRACE_MS: "60000" };
    const full = await world.startSubscriber("full", env, { http: "127.0.0.1:0" });
    publishBets(world, count);
    // Deliveries may still be in transit.
    const inHand = async () => (await getJson(`${urlOf(full)}/overview`)).queue?.in_hand;
    await eventually("2,000 in hand", async () => await inHand() === 2_000 || undefined);
    await eventually("the rest in the queue", async () => await world.messagesIn(world.events) === 500 || undefined);
    full.child.kill("SIGTERM");
    await world.untilLogged(full, "member.leaving");
    strictEqual(await world.rows(), 0);
    await world.startRatesApi();
    strictEqual((await full.ended).code, 0);
    await full.read;
    deepStrictEqual([full.lastFields["stored"], full.lastFields["requeued"], await world.rows()], [2_000, 0, 2_000]);
    await world.startSubscriber("next");
    await world.untilSettled(count);
    await checkTotals(world.sql, count);
  });
});

Deno.test("a second signal leaves at once, and events in hand return to the queue", async () => {
  await withWorld(async (world) => {
    // Without a rates API the events wait for a minute, and so would a graceful shutdown.
    const patient = await world.startSubscriber("patient", { RATES_WAIT_MS: "60000", SHUTDOWN_GRACE_MS: "60000" });
    await world.publish("--input", join(project, "samples/events.ndjson"));
    await untilSomeStored(world);
    patient.child.kill("SIGTERM");
    await world.untilLogged(patient, "member.leaving");
    // An earlier second signal counts as the first, because Ctrl-C arrives twice.
    await new Promise((resolve) => setTimeout(resolve, 700));
    patient.child.kill("SIGTERM");
    strictEqual((await patient.ended).code, 130);
    await patient.read;
    await untilQueued(world, 27 - await world.rows() - await world.messagesIn(world.dead));
  });
});

Deno.test("a subscriber that the broker refuses reports it in one sentence and exits with 1", async () => {
  await withWorld(async (world) => {
    const url = world.env["RABBITMQ_URL"]!.replace("guest:guest", "guest:wrong");
    const refused = world.launchSubscriber("refused", { RABBITMQ_URL: url });
    strictEqual((await refused.ended).code, 1);
    await refused.read;
    ok(hasLogged(refused, "broker.refused"));
    strictEqual(JSON.stringify(refused.records).includes("wrong"), false, "no password in the log");
  });
});
