/** A thousand workers and their rates: scenarios with expected results. Times are virtual ms. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { Random } from "../../../shared/runtime/random.ts";
import { MemoryRates } from "../../../subscriber/rates/memory_rates.ts";
import { type CrowdResult, runCrowd, type Scenario } from "./crowd.ts";
import type { Network } from "./servers.ts";

const workers = 1_000;

interface Case extends Partial<Scenario> {
  /** Checks the result; the invariants are checked in any case. */
  readonly expect: (result: CrowdResult) => void;
}

/** Machines in one data centre. */
const near: Network = (random) => 0.1 + random.next() * 0.3;
/** Workers in another region than their Redis: 20 to 60 ms one way, and 1 % of the packets up to 400 ms late. */
const far: Network = (random) => 20 + random.next() * 40 + (random.next() < 0.01 ? random.next() * 400 : 0);
/** A rates API across the Internet; the time includes connecting. */
const usual = (random: Random) => 100 + random.next() * 200;

const base: Scenario = {
  network: near,
  answerMs: usual,
  batchEveryMs: 100,
  startWithinMs: 100,
  script: [],
  from: 0,
  to: 1_000,
  endMs: 8_000,
};

const cases: Readonly<Record<string, Case>> = {
  "cold cache, all start at once": {
    expect({ calls, allMs, timeouts }) {
      deepStrictEqual([calls, timeouts], [1, 0]);
      ok(allMs! < 300 + 100 + 60 + 10, `the longest call, the last start, the longest poll, and the way: ${allMs}`);
    },
  },
  "rates expire for all at once": {
    answerMs: () => 200,
    ...{ from: 60_200, to: 61_200, endMs: 124_000 },
    expect({ calls, allMs, timeouts }) {
      deepStrictEqual([calls, timeouts], [3, 0]);
      ok(allMs! < 500, `${allMs}`);
    },
  },
  "the lock's holder dies": {
    script: [{ atMs: 150, act: (crowd) => crowd.killLastCaller() }],
    to: 4_000,
    expect({ calls, firstMs, timeouts }) {
      deepStrictEqual([calls, timeouts], [2, 0]);
      ok(firstMs! > 3_000 && firstMs! < 3_500, `the lock ends, and the next one calls: ${firstMs}`);
    },
  },
  "rates API down for 6 s": {
    script: [
      { atMs: 0, act: ({ api }) => api.down = true },
      { atMs: 6_000, act: ({ api }) => api.down = false },
    ],
    to: 6_000,
    expect({ calls, allMs, timeouts, meanLooks }) {
      ok(calls <= 6_000 / 500 + 1, `${calls} calls`);
      ok(allMs! < 7_500, `${allMs}`);
      strictEqual(timeouts, workers, "each waited 5 s once");
      ok(meanLooks < 10_000, `${meanLooks} looks a second`);
    },
  },
  "the same, stale rates may serve": {
    times: { RATES_MAX_STALE_MS: 600_000 },
    batchEveryMs: 50,
    script: [
      { atMs: 59_000, act: ({ api }) => api.down = true },
      { atMs: 67_000, act: ({ api }) => api.down = false },
    ],
    ...{ from: 61_000, to: 67_000, endMs: 69_000 },
    expect({ calls, staleUses, timeouts, meanLooks }) {
      ok(calls <= 2 + 8_000 / 500 + 1, `${calls} calls`);
      ok(staleUses > 100_000, `${staleUses} batches`);
      strictEqual(timeouts, 0);
      ok(meanLooks < 4_000, `${meanLooks} looks a second`);
    },
  },
  "rates API takes 1.8 s": {
    answerMs: () => 1_800,
    to: 1_800,
    expect({ calls, timeouts, allMs, meanLooks }) {
      deepStrictEqual([calls, timeouts], [1, 0]);
      ok(allMs! < 2_300, `${allMs}`);
      ok(meanLooks < 12_000, `${meanLooks} looks a second`);
    },
  },
  "rates API takes longer than its 2 s, for 6 s": {
    answerMs: () => 2_500,
    script: [{ atMs: 6_000, act: ({ api }) => api.answerMs = usual }],
    ...{ to: 6_000, endMs: 11_000 },
    expect: ({ calls, timeouts }) => deepStrictEqual([calls, timeouts], [4, workers]),
  },
  "Redis away from 30 s to 150 s": {
    script: [
      { atMs: 30_000, act: ({ redis }) => redis.away = true },
      { atMs: 150_000, act: ({ redis }) => redis.away = false },
    ],
    ...{ from: 60_000, to: 190_000, endMs: 190_000 },
    expect({ calls, loneCalls, timeouts }) {
      strictEqual(timeouts, 0);
      ok(loneCalls <= 2 * workers, `${loneCalls} of them, in two minutes`);
      strictEqual(calls - loneCalls, 2, "one before, one after");
    },
  },
  "Redis away for 8 s, the rates API for 6 of them": {
    script: [
      { atMs: 0, act: ({ redis, api }) => redis.away = api.down = true },
      { atMs: 6_000, act: ({ api }) => api.down = false },
      { atMs: 8_000, act: ({ redis }) => redis.away = false },
    ],
    ...{ to: 10_000, endMs: 12_000 },
    expect({ calls, loneCalls, timeouts, allMs }) {
      strictEqual(loneCalls, workers, "each once, though it failed");
      strictEqual(calls - loneCalls, 1);
      strictEqual(timeouts, workers);
      ok(allMs! < 9_000, `${allMs}`);
    },
  },
  "Redis in another region, cold cache": {
    network: far,
    expect: ({ calls, timeouts }) => deepStrictEqual([calls, timeouts], [1, 0]),
  },
};

for (const [name, { expect, ...scenario }] of Object.entries(cases)) {
  Deno.test(`runCrowd() breaks no invariant with ${workers} workers: ${name}`, async () => {
    const result = await runCrowd({ ...base, ...scenario }, workers, 1);
    ok(result.allMs !== undefined, "all have rates in the end");
    ok(result.peakLooks <= 26_000, `${result.peakLooks} looks a second`);
    expect(result);
  });
}

Deno.test("runCrowd() runs the same for one seed, and differently for another", async () => {
  const [one, again, other] = [
    await runCrowd(base, 50, 7),
    await runCrowd(base, 50, 7),
    await runCrowd(base, 50, 8),
  ];
  deepStrictEqual(one, again);
  ok(one.allMs !== other.allMs);
});

/** Releases a lock by itself while its holder still has it, so a second worker gets it. */
class ForgetfulLock extends MemoryRates {
  override async lookOrLock(token: string): ReturnType<MemoryRates["lookOrLock"]> {
    return await super.lookOrLock(token, 0);
  }
}

Deno.test("runCrowd() finds a lock with two holders", async () => {
  await rejects(runCrowd(base, 50, 1, (clock) => new ForgetfulLock(clock)), /second holder/);
});

/** Accepts writes from workers that do not hold the lock. */
class CarelessCache extends MemoryRates {
  #token = "";

  override async lookOrLock(token: string, lockTtlMs: number): ReturnType<MemoryRates["lookOrLock"]> {
    const look = await super.lookOrLock(token, lockTtlMs);
    if (look.state === "locked") this.#token = token;
    return look;
  }

  override write(...[, rates, life]: Parameters<MemoryRates["write"]>): ReturnType<MemoryRates["write"]> {
    return super.write(this.#token, rates, life);
  }
}

Deno.test("runCrowd() finds a write by a worker that lost the lock", async () => {
  const late = { ...base, answerMs: () => 1_500, times: { RATES_LOCK_TTL_MS: 1_000 } };
  strictEqual((await runCrowd(late, 20, 1)).firstMs, undefined, "each is refused what it would write");
  await rejects(runCrowd(late, 20, 1, (clock) => new CarelessCache(clock)), /lost the lock/);
});
