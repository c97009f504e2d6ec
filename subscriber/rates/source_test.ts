import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { seededRandom } from "../../shared/runtime/random.ts";
import { type LogEntry, RecordedLog } from "../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { ratesOf, someRates } from "../../tests/fixtures/deliveries.ts";
import { changedRates, MemoryRatesApi, type Turn } from "../../tests/fixtures/memory_edges.ts";
import { MemoryRates } from "./memory_rates.ts";
import { checkRates, type Rates } from "./rates.ts";
import type { SharedRates } from "./shared_rates.ts";
import { RatesSource, RatesTimeout, type RatesTimes } from "./source.ts";

const times: RatesTimes = {
  RATES_TTL_MS: 60_000,
  RATES_LOCK_TTL_MS: 3_000,
  RATES_WAIT_MS: 5_000,
  RATES_MAX_STALE_MS: 0,
};

/** Several subscribers with one cache. Each has its own view of the API and of Redis. */
class World {
  readonly clock = new VirtualClock();
  readonly leave = new AbortController();
  readonly shared = new MemoryRates(this.clock);
  readonly api: MemoryRatesApi;
  readonly log = new RecordedLog();

  constructor(...script: readonly [Turn, ...Turn[]]) {
    this.api = new MemoryRatesApi(this.clock, ...script);
  }

  subscriber(changes: Partial<RatesTimes> = {}, shared: SharedRates = this.shared, seed = 1): RatesSource {
    const { clock, api, leave, log } = this;
    return new RatesSource({
      ...{ shared, api, holder: `subscriber-${seed}`, times: { ...times, ...changes }, signal: leave.signal },
      ...{ clock, random: seededRandom(seed), log },
    });
  }

  codes(level: LogEntry["level"]): unknown[] {
    return this.log.entries.filter((entry) => entry.level === level).map(({ fields }) => fields["event"]);
  }

  /** Advances time until the promise settles, by `ms` at most. */
  async during<T>(promise: Promise<T>, ms = 10_000): Promise<T> {
    let settled = false;
    const done = () => settled = true;
    promise.then(done, done);
    for (let passed = 0; passed < ms && !settled; passed += 100) await this.clock.advance(100);
    if (!settled) throw new Error(`not settled within ${ms} ms`);
    return await promise;
  }
}

const down = { answer: new Error("connection refused") };

const away = () => Promise.reject(new Error("Redis is away"));
const deadRedis: SharedRates = { lookOrLock: away, write: away, pause: away, release: away, inspect: away };

Deno.test("RatesSource.get() makes one call for all subscribers on a cold cache", async () => {
  const world = new World({ delayMs: 300, answer: someRates });
  const subscribers = Array.from({ length: 16 }, (_, seed) => world.subscriber({}, world.shared, seed));
  const got = await world.during(Promise.all(subscribers.map((subscriber) => subscriber.get())));
  strictEqual(world.api.calls, 1);
  for (const rates of got) deepStrictEqual(rates, someRates);
});

Deno.test("RatesSource.get() serves all waiters of one process with one attempt", async () => {
  const world = new World({ delayMs: 300, answer: someRates });
  const subscriber = world.subscriber();
  await world.during(Promise.all(Array.from({ length: 100 }, () => subscriber.get())));
  strictEqual(world.api.calls, 1);
});

Deno.test("RatesSource.current() returns cached rates without waiting until they expire, never longer", async () => {
  const world = new World({ answer: someRates });
  const [first, second] = [world.subscriber(), world.subscriber()];
  strictEqual(first.current(), undefined);
  await world.during(first.get());
  await world.clock.advance(40_000);
  await world.during(second.get());
  strictEqual(world.api.calls, 1);
  await world.clock.advance(19_500);
  strictEqual(first.current(), someRates);
  strictEqual(second.current(), someRates);
  await world.clock.advance(700);
  strictEqual(first.current(), undefined);
  strictEqual(second.current(), undefined, "its copy ends with the cached value, not 60 s after it was read");
});

Deno.test("RatesSource.get() gives up after RATES_WAIT_MS and names the last obstacle", async () => {
  const world = new World(down);
  const subscriber = world.subscriber();
  await rejects(world.during(subscriber.get()), (error: unknown) => {
    strictEqual(error instanceof RatesTimeout, true);
    match((error as Error).message, /no rates within RATES_WAIT_MS=5000: connection refused/);
    return true;
  });
  strictEqual(world.clock.monotonic() >= 5_000 && world.clock.monotonic() < 5_300, true);
});

Deno.test("RatesSource.get() respects each waiter's own deadline", async () => {
  const world = new World({ answer: "silence" });
  const subscriber = world.subscriber();
  const ends: number[] = [];
  const wait = () => subscriber.get().catch(() => ends.push(world.clock.monotonic()));
  const first = wait();
  await world.clock.advance(2_000);
  const second = wait();
  await world.during(Promise.all([first, second]));
  deepStrictEqual(ends.map((end) => Math.round(end / 100) * 100), [5_000, 7_000]);
  world.leave.abort(new Error("the test is over"));
  await world.clock.advance(100);
});

Deno.test("RatesSource keeps waiting subscribers from calling a failing API one after another", async () => {
  const world = new World(down);
  const subscribers = Array.from({ length: 16 }, (_, seed) => world.subscriber({}, world.shared, seed));
  await world.during(Promise.allSettled(subscribers.map((subscriber) => subscriber.get())));
  strictEqual(world.api.calls <= 5_000 / 500 + 1, true, `${world.api.calls} calls in 5 s`);
});

Deno.test("RatesSource calls an API that lags behind its earlier answers no more often than a failing one", async () => {
  const world = new World({ answer: ratesOf({ USD: "1.1" }, 2_000) }, { answer: ratesOf({ USD: "1.2" }, 1_000) });
  const changes = { RATES_TTL_MS: 1_000, RATES_MAX_STALE_MS: 600_000 };
  const subscribers = Array.from({ length: 16 }, (_, i) => world.subscriber(changes, world.shared, i));
  await world.during(subscribers[0]!.get());
  await world.clock.advance(1_000);
  const before = world.api.calls;
  for (let passed = 0; passed < 60_000; passed += 50) {
    await world.clock.advance(50);
    for (const subscriber of subscribers) if (!subscriber.current()) subscriber.get().catch(() => {});
  }
  const calls = world.api.calls - before;
  // Fewer calls than one per 500 ms: each time, the lock is left to expire.
  strictEqual(calls > 60 && calls <= 60_000 / 500 + 1, true, `${calls} calls in a minute`);
  strictEqual(subscribers[0]!.own?.rates.asOfMs, 2_000);
  world.leave.abort();
  await world.clock.advance(1_000);
});

Deno.test("RatesSource.get() takes over when the lock's holder dies and the lock expires", async () => {
  const world = new World({ delayMs: 300, answer: someRates });
  await world.shared.lookOrLock("a holder that dies", 3_000);
  const got = world.subscriber().get();
  await world.clock.advance(2_900);
  strictEqual(world.api.calls, 0);
  await world.during(got);
  strictEqual(world.api.calls, 1);
  strictEqual(world.clock.monotonic() >= 3_300, true);
});

Deno.test("RatesSource polls every 20 to 60 ms at first, then less often, and once more before it gives up", async () => {
  const world = new World({ answer: someRates });
  await world.shared.lookOrLock("one that hangs", 60_000);
  const looks: number[] = [];
  const watched = changedRates(world.shared, {
    lookOrLock(token, ttl) {
      looks.push(world.clock.monotonic());
      return world.shared.lookOrLock(token, ttl);
    },
  });
  await rejects(world.during(world.subscriber({}, watched).get()), RatesTimeout);
  const gaps = looks.map((at, i) => at - (looks[i - 1] ?? 0));
  for (const [i, at] of looks.entries()) {
    if (i > 0 && at <= 250) strictEqual(gaps[i]! >= 20 && gaps[i]! <= 60, true, `${gaps[i]} ms until ${at}`);
    strictEqual(gaps[i]! <= 360, true, `${gaps[i]} ms until ${at}`);
  }
  strictEqual(looks.length < 60, true, `${looks.length} looks in 5 s`);
  strictEqual(looks.at(-1)! >= 4_920 && looks.at(-1)! < 5_000, true, `the last at ${looks.at(-1)}`);
});

Deno.test("RatesSource looks for fresh rates two to four times a second while stale ones serve, for any number of batches", async () => {
  const world = new World({ answer: someRates }, down);
  const subscriber = world.subscriber({ RATES_MAX_STALE_MS: 60_000 });
  await world.during(subscriber.get());
  await world.clock.advance(60_100);
  await world.during(subscriber.get());
  const before = subscriber.counts.looks.paused + subscriber.counts.looks.locked;
  for (let batch = 0; batch < 1_000; batch++) {
    deepStrictEqual(subscriber.current(), someRates);
    await world.clock.advance(10);
  }
  const looks = subscriber.counts.looks.paused + subscriber.counts.looks.locked - before;
  strictEqual(looks >= 20 && looks <= 41, true, `${looks} looks in 10 s`);
});

Deno.test("RatesSource neither stores nor uses an answer that arrives after its lock expired", async () => {
  const late = ratesOf({ USD: "9" });
  const world = new World({ delayMs: 4_000, answer: late }, { delayMs: 100, answer: someRates });
  const [slow, quick] = [world.subscriber({}, world.shared, 1), world.subscriber({}, world.shared, 2)];
  const [first, second] = await world.during(Promise.all([slow.get(), quick.get()]));
  deepStrictEqual([first, second], [someRates, someRates]);
  strictEqual(world.api.calls, 2);
});

Deno.test("RatesSource serves stale rates at once while the API is down, up to RATES_MAX_STALE_MS, and refreshes in the background", async () => {
  const world = new World({ answer: someRates }, down);
  const subscriber = world.subscriber({ RATES_MAX_STALE_MS: 30_000 });
  await world.during(subscriber.get());
  await world.clock.advance(60_100);
  strictEqual(subscriber.current(), undefined, "fresh ones are tried for first");
  deepStrictEqual(await world.during(subscriber.get()), someRates);
  await world.clock.advance(1_000);
  deepStrictEqual(subscriber.current(), someRates);
  const newer = ratesOf({ USD: "2" }, Date.UTC(2024, 6, 1));
  world.api.follow({ answer: newer });
  subscriber.current();
  await world.clock.advance(1_000);
  deepStrictEqual(subscriber.current(), newer, "the refresh beside it has come through");
  world.api.follow(down);
  await world.clock.advance(89_100);
  await rejects(world.during(subscriber.get()), RatesTimeout);
});

Deno.test("RatesSource never serves stale rates by default", async () => {
  const world = new World({ answer: someRates }, down);
  const subscriber = world.subscriber();
  await world.during(subscriber.get());
  await world.clock.advance(60_100);
  await rejects(world.during(subscriber.get()), RatesTimeout);
});

Deno.test("RatesSource calls the API itself at most once per TTL while Redis is away, and reports it", async () => {
  const world = new World({ answer: someRates });
  const subscriber = world.subscriber({}, deadRedis);
  for (let second = 0; second < 180; second++) {
    if (!subscriber.current()) deepStrictEqual(await world.during(subscriber.get()), someRates);
    await world.clock.advance(1_000);
  }
  strictEqual(subscriber.alone, true);
  deepStrictEqual(world.codes("error"), ["redis.away"]);
  strictEqual(world.api.calls <= 4, true, `${world.api.calls} calls in 3 TTLs`);
  strictEqual(world.api.calls >= 3, true, `${world.api.calls} calls in 3 TTLs`);
});

Deno.test("RatesSource.get() returns rates that another wait fetched, without a request to a Redis that is away", async () => {
  const world = new World({ answer: someRates });
  const subscriber = world.subscriber({}, deadRedis);
  await world.during(subscriber.get());
  strictEqual(await subscriber.get(), someRates);
  strictEqual(world.clock.sleepers, 0);
});

Deno.test("RatesSource counts a failed call as the one of its TTL while Redis is away", async () => {
  const world = new World(down);
  const subscriber = world.subscriber({}, deadRedis);
  for (let i = 0; i < 5; i++) await rejects(world.during(subscriber.get()), RatesTimeout);
  strictEqual(world.api.calls, 1);
});

Deno.test("RatesSource uses Redis again after it returns", async () => {
  const world = new World({ answer: someRates });
  let isAway = true;
  const lookOrLock: SharedRates["lookOrLock"] = (token, ttl) => isAway ? away() : world.shared.lookOrLock(token, ttl);
  const subscriber = world.subscriber({}, changedRates(world.shared, { lookOrLock }));
  await world.during(subscriber.get());
  isAway = false;
  await world.clock.advance(61_000);
  await world.during(subscriber.get());
  strictEqual(subscriber.alone, false);
  strictEqual((await world.shared.lookOrLock("other", 100)).state, "fresh");
});

Deno.test("RatesSource uses its fetched rates when Redis fails between the lock and the write", async () => {
  const world = new World({ answer: someRates });
  const { lookOrLock } = changedRates(world.shared, {});
  const subscriber = world.subscriber({}, { ...deadRedis, lookOrLock });
  deepStrictEqual(await world.during(subscriber.get()), someRates);
  strictEqual(subscriber.alone, true);
});

Deno.test("RatesSource.get() rejects when its subscriber shuts down, and releases the lock", async () => {
  const world = new World({ answer: "silence" });
  const got: Promise<Rates> = world.subscriber().get();
  const outcome = rejects(world.during(got), /leaving/);
  await world.clock.advance(100);
  world.leave.abort(new Error("leaving"));
  await outcome;
  await world.clock.advance(10);
  strictEqual((await world.shared.lookOrLock("next", 100)).state, "locked");
});

Deno.test("RatesSource survives a wall clock that is set back", async () => {
  const world = new World({ answer: someRates });
  const subscriber = world.subscriber();
  await world.during(subscriber.get());
  world.clock.jump(-2 * 86_400_000);
  strictEqual(subscriber.current(), someRates);
  await world.clock.advance(60_100);
  strictEqual(subscriber.current(), undefined);
});

Deno.test("RatesSource counts the time that its machine was suspended, so its copy does not outlive its TTL", async () => {
  const world = new World({ answer: someRates });
  const subscriber = world.subscriber();
  await world.during(subscriber.get());
  // As on Linux: the wall clock goes on, the monotonic clock stops.
  world.clock.jump(45_000);
  strictEqual(subscriber.current(), someRates);
  await world.clock.advance(16_000);
  deepStrictEqual([subscriber.current(), subscriber.own], [undefined, undefined]);
});

Deno.test("RatesSource without Redis calls again, once, after its machine was suspended beyond the TTL", async () => {
  const world = new World({ answer: someRates });
  const subscriber = world.subscriber({}, deadRedis);
  await world.during(subscriber.get());
  world.clock.jump(3_600_000);
  strictEqual(subscriber.current(), undefined);
  for (let n = 0; n < 3; n++) strictEqual(await world.during(subscriber.get()), someRates);
  strictEqual(world.api.calls, 2);
});

Deno.test("RatesSource forgets its own failure once another subscriber's call succeeds", async () => {
  const world = new World(down, { answer: someRates });
  const [one, other] = [world.subscriber({}, world.shared, 1), world.subscriber({}, world.shared, 2)];
  const failed = one.get().catch(() => {});
  await world.clock.advance(50);
  strictEqual(one.failure !== undefined, true);
  await world.during(other.get());
  await world.during(Promise.resolve(failed));
  strictEqual(one.failure, undefined);
  strictEqual(world.api.calls, 2);
});

Deno.test("RatesSource uses the good entries of an answer, and logs the others once, with their count", async () => {
  const rates = { USD: "1.0705", BTC: "1.6e-05", USDT: "1.07", XXX: "0" };
  const answer = checkRates({ base: "EUR", asOfMs: Date.UTC(2024, 5, 28), rates }, Date.UTC(2024, 5, 28));
  const world = new World({ answer });
  const source = world.subscriber();
  for (let fetch = 0; fetch < 3; fetch++) {
    deepStrictEqual([...(await world.during(source.get())).perEur.keys()], ["USD", "BTC"]);
    await world.clock.advance(60_100);
  }
  strictEqual(source.counts.calls, 3);
  strictEqual(source.counts.leftOut, 2);
  deepStrictEqual(world.codes("warn"), ["rates.left_out"]);
  const { problem, rates: count } = world.log.entries.find(({ level }) => level === "warn")!.fields;
  deepStrictEqual([problem, count], ['"USDT" is not a currency code; the rate of XXX is zero', 2]);
});
