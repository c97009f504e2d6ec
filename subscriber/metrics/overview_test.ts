import { deepStrictEqual, ok } from "node:assert/strict";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { DatabaseGate } from "../pipeline/database_gate.ts";
import { Stats } from "../pipeline/stats.ts";
import type { FleetView } from "./fleet/fleet_view.ts";
import { Latencies } from "./latencies.ts";
import { overviewOf } from "./overview.ts";
import type { Depths } from "./queue_depths.ts";
import type { DependencyState } from "./probes.ts";
import type { Inspection } from "../rates/shared_rates.ts";
import type { Sources } from "./sources.ts";

/** An overview with one dead letter and no problem, except what a test does to the fleet. */
function overview() {
  const clock = new VirtualClock(Date.UTC(2026, 10, 24, 23));
  const well = { ok: true, problem: undefined };
  const now: { fleet: FleetView; depths: Depths | undefined; runway: number | undefined } & {
    inspection: Inspection | undefined;
    ratesApi: DependencyState;
  } = {
    runway: undefined,
    inspection: undefined,
    ratesApi: { ok: true, problem: undefined },
    fleet: { subscribers: [], unacknowledged: 0, unheard: 0 },
    depths: { events: { messages: 0, consumers: 2 }, dead: { messages: 1 } },
  };
  const keeper = { waiting: 0, problems: () => [] };
  const away = () => Promise.reject(new Error("not asked here"));
  const sources: Partial<Sources> = {
    ...{ clock, stats: new Stats(), latencies: new Latencies(clock), subscriberId: "one", mode: "servers" },
    ...{ gate: new DatabaseGate(clock), consuming: () => true, unsettled: () => 0 },
    ...{ totals: away, shares: away, deadLetters: () => Promise.resolve({ dead: 0, untended: 0 }) },
    keeper: keeper as unknown as Sources["keeper"],
    subscribers: () => Promise.resolve(now.fleet),
    inspectRates: () => now.inspection ? Promise.resolve(now.inspection) : away(),
    runway: () => Promise.resolve(now.runway),
    depths: () => now.depths ? Promise.resolve(now.depths) : away(),
    dependencies: () => Promise.resolve({ rabbitmq: well, redis: well, postgres: well, rates_api: now.ratesApi }),
    rates: { counts: { calls: 0 }, failure: undefined, own: undefined, alone: false } as unknown as Sources["rates"],
  };
  const read = overviewOf(sources as Sources);
  return {
    ...{ now, keeper, read, clock },
    /** The state and the problems, `ms` later. */
    async after(ms: number): Promise<string[]> {
      await clock.advance(ms);
      const { standing, problems } = await read();
      return [standing.state, ...problems];
    },
  };
}

const unheard = (consumers: number): FleetView => ({ subscribers: [], unacknowledged: null, unheard: consumers });
const cause = "paused, of an older version, or with another Redis or REDIS_KEY_PREFIX.";

Deno.test("overviewOf() says how many consumers tell nothing, and since when, ahead of dead letters", async () => {
  const { now, after } = overview();
  deepStrictEqual(await after(0), ["letters"]);
  now.fleet = unheard(1);
  deepStrictEqual(await after(1_000), ["letters"], "it may have begun a moment ago");
  deepStrictEqual(await after(4_900), ["letters"]);
  const sentence = `1 consumer of the queue has not reported its events in hand since 23:00:01 UTC: ${cause}`;
  deepStrictEqual(await after(100), ["problems", sentence]);
  now.fleet = unheard(2);
  deepStrictEqual(await after(60_000), [
    "problems",
    `2 consumers of the queue have not reported their events in hand since 23:00:01 UTC: ${cause}`,
  ]);
  now.fleet = unheard(0);
  deepStrictEqual(await after(1_000), ["letters"]);
});

Deno.test("overviewOf() does not take who was not heard for well once Redis is back, and misses nobody while RabbitMQ is away", async () => {
  const { now, after } = overview();
  const { depths } = now;
  now.fleet = { ...unheard(0), unheard: null };
  await after(1_000);
  await after(20_000);
  now.fleet = unheard(1);
  const [state, sentence] = await after(500);
  deepStrictEqual([state, sentence?.slice(0, 86)], [
    "problems",
    "1 consumer of the queue has not reported its events in hand since 23:00:01 UTC: paused",
  ]);
  [now.fleet, now.depths] = [{ ...unheard(0), unheard: null }, undefined];
  await after(20_000);
  [now.fleet, now.depths] = [unheard(1), depths];
  deepStrictEqual(await after(500), ["letters"], "it has only just connected again");
});

Deno.test("overviewOf() names a stuck subscriber that no longer tells once", async () => {
  const { now, after } = overview();
  const last = { version: "0.2.0", batches: 2, oldest_ms: 9_000, last_error: "no", last_error_at: null };
  now.fleet = {
    ...unheard(1),
    subscribers: [{
      ...last,
      id: "two",
      state: "silent",
      since: "2026-11-24T22:59:00.000Z",
      events: 7,
      heard_ms: 60_000,
    }],
  };
  await after(0);
  deepStrictEqual(await after(5_000), [
    "problems",
    "Subscriber two has not reported since 22:59:00 UTC; it held 7 events then.",
  ]);
  now.fleet = { ...now.fleet, subscribers: [{ ...now.fleet.subscribers[0]!, events: 0 }] };
  const [, sentence] = await after(1_000);
  deepStrictEqual(
    sentence,
    `1 consumer of the queue has not reported its events in hand since 23:00:00 UTC: ${cause} Silent: two.`,
    "it held no event when it was last heard",
  );
});

Deno.test("overviewOf() ends a sentence once, however a server ends its own", async () => {
  const { now, after } = overview();
  const at = "2026-11-24T22:59:00.000Z";
  const held = {
    version: "0.2.0",
    batches: 1,
    oldest_ms: 9_000,
    last_error: "Check free disk space.",
    last_error_at: at,
  };
  now.fleet = {
    ...unheard(0),
    subscribers: [{ ...held, id: "two", state: "holding", since: at, events: 7, heard_ms: 0 }],
  };
  deepStrictEqual(await after(0), [
    "problems",
    "Subscriber two has held 7 events since 22:59:00 UTC: Check free disk space.",
  ]);
});

Deno.test("overviewOf() does not speak of cached rates once there are none", async () => {
  const { now, after } = overview();
  const told = "Rates API is not available (refused): ";
  now.ratesApi = { ok: false, problem: "refused" };
  const cached = "the cached rates are used until they expire.";
  deepStrictEqual(await after(0), ["problems", told + cached], "Redis does not tell");
  const rates = { asOfMs: 0, perEur: new Map() };
  const lock = { state: "free", ttlMs: null, holder: undefined } as unknown as Inspection["lock"];
  now.inspection = { cached: { rates, freshMs: -1, usableMs: 1 } as unknown as Inspection["cached"], lock };
  deepStrictEqual(await after(0), ["problems", told + cached]);
  now.inspection = { cached: undefined, lock };
  deepStrictEqual(await after(0), [
    "problems",
    `${told}no rates are left, so events that need them become dead letters until it answers.`,
  ]);
});

Deno.test("overviewOf() says that partitions run out while there is time to cure it", async () => {
  const { now, after } = overview();
  now.runway = 14;
  deepStrictEqual(await after(0), ["letters"]);
  now.runway = 6.9;
  deepStrictEqual(await after(0), [
    "problems",
    "The table events has partitions for 6 more days, and no subscriber could create the next: each log says why (partitions.failed).",
  ]);
});

Deno.test("overviewOf() counts the dead letters that its keeper holds, which the queue's length leaves out", async () => {
  const { keeper, read } = overview();
  keeper.waiting = 200;
  const { dead_letters, dead_letters_untended } = await read();
  deepStrictEqual([dead_letters, dead_letters_untended], [201, 201]);
});

Deno.test("overviewOf() says that the headline began before the answer, however slow the answer is", async () => {
  const { clock, read } = overview();
  const now = clock.now.bind(clock);
  let calls = 0;
  clock.now = () => now() + calls++;
  const { at, standing } = await read();
  ok(standing.since <= at, `${standing.since} is after ${at}`);
});
