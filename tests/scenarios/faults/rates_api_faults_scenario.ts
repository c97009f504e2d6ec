/** Faults of the rates API: it restarts, is slow, fails, does not answer, or answers nonsense. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import type { Faults } from "../../../rates-api/faults.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { withWorld } from "../../harness/world.ts";
import { publishBet } from "../../servers/test_queues.ts";
import { hasLogged } from "../../../tools/demo/members.ts";

/** Short enough for a test to see each of them elapse. */
const times = {
  RATES_TTL_MS: "500",
  RATES_CALL_TIMEOUT_MS: "300",
  RATES_LOCK_TTL_MS: "600",
  RATES_WAIT_MS: "1500",
};

Deno.test("the rates API restarts under an idle and under a busy subscriber: both survive, and every event is stored", async () => {
  await withWorld(async (world) => {
    let api = await world.startRatesApi();
    const subscriber = await world.startSubscriber("subscriber", times);
    let published = 0;
    const restart = async () => {
      await world.stop(api);
      api = await world.startRatesApi();
    };
    publishBet(world, ++published);
    await world.untilSettled(1);
    for (let n = 0; n < 5; n++) await restart();
    publishBet(world, ++published);
    await world.untilSettled(2);
    const stop = new AbortController();
    const publishing = (async () => {
      while (!stop.signal.aborted) {
        publishBet(world, ++published);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    for (let n = 0; n < 5; n++) await restart();
    stop.abort();
    await publishing;
    await eventually("every event", async () => {
      const letters = await world.deadLetters();
      // While the API starts, an event may time out waiting for rates. It then becomes a dead letter and is not lost.
      return await world.rows() + letters.length >= published || undefined;
    });
    await world.replay("--all");
    await world.untilSettled(published);
    await world.stop(subscriber);
    strictEqual((await subscriber.ended).code, 0, "it lived until it was asked to leave");
  });
});

const wrong = (wrongAnswer: Faults["wrongAnswer"]): Partial<Faults> => ({ wrongShare: 1, wrongAnswer });

/** Each fault: its name, the settings that cause it, and the detail of the dead letters. */
const troubles: readonly (readonly [string, Partial<Faults>, RegExp])[] = [
  ["is slow", { delayMs: 5_000, delayShare: 1 }, /did not answer within RATES_CALL_TIMEOUT_MS/],
  ["fails", { errorShare: 1, errorCode: status.INTERNAL }, /failed with INTERNAL/],
  ["says nothing", { blackHoleShare: 1 }, /did not answer within RATES_CALL_TIMEOUT_MS/],
  ["answers zero", wrong("zero"), /is zero/],
  ["answers a negative rate", wrong("negative"), /not a positive decimal/],
  ["answers NaN", wrong("nan"), /not a positive decimal/],
  ["answers absurdly", wrong("absurd"), /not a positive decimal/],
  ["answers too many rates", wrong("too-many"), /rates/],
];

Deno.test("the rates API is slow, fails, is silent or answers nonsense: events that need rates are dead-lettered with the reason, and the others are stored", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    await world.startSubscriber("subscriber", times);
    let id = 0;
    for (const [name, faults, says] of troubles) {
      await world.setRatesFaults(faults);
      // The cached rates must have expired.
      await new Promise((resolve) => setTimeout(resolve, Number(times.RATES_TTL_MS)));
      publishBet(world, ++id);
      publishBet(world, 1_000 + id, "EUR");
      const letter = await eventually(
        `the dead letter: the API ${name}`,
        async () => (await world.deadLetters()).find(({ event }) => event?.id === BigInt(id)),
      );
      strictEqual(letter.reason, "rates-timeout", name);
      match(letter.detail, says, name);
      match(letter.detail, /^no rates within RATES_WAIT_MS=1500: /, name);
    }
    await eventually("what needs no rates", async () => await world.rows() === troubles.length || undefined);
    await world.setRatesFaults({});
    await world.replay("--reason", "rates-timeout");
    await world.untilSettled(2 * troubles.length);
    strictEqual(await world.messagesIn(world.dead), 0);
  });
});

Deno.test("the rates API returns older rates than those cached: they are rejected, and each event names its rates", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const subscriber = await world.startSubscriber("subscriber", { ...times, RATES_MAX_STALE_MS: "60000" });
    publishBet(world, 1);
    await world.untilSettled(1);
    await world.setRatesFaults(wrong("old"));
    await new Promise((resolve) => setTimeout(resolve, Number(times.RATES_TTL_MS)));
    publishBet(world, 2);
    await world.untilSettled(2);
    ok(hasLogged(subscriber, "rates.not_stored"));
    const rows = await world.sql.query("select event_id::int as id, rates_as_of from events order by 1");
    const asOf = new Date("2024-06-28T14:00:00Z");
    deepStrictEqual(rows.map(({ id, rates_as_of }) => [id, rates_as_of]), [[1, asOf], [2, asOf]]);
  });
});
