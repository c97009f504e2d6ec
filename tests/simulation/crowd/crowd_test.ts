import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { MemoryRates } from "../../../subscriber/rates/memory_rates.ts";
import { type CrowdResult, runCrowd } from "./crowd.ts";
import { scenarios } from "./scenarios.ts";

const workers = 1_000;

/** What must come of each, besides that no invariant is broken; virtual ms and looks at Redis a second. */
const expected: Readonly<Record<string, (result: CrowdResult) => void>> = {
  "cold cache, all start at once": ({ calls, allMs, timeouts }) => {
    deepStrictEqual([calls, timeouts], [1, 0]);
    ok(allMs! < 300 + 100 + 60 + 10, `the longest call, the last start, the longest poll, and the way: ${allMs}`);
  },
  "rates end for all at once": ({ calls, allMs, timeouts }) => {
    deepStrictEqual([calls, timeouts], [3, 0]);
    ok(allMs! < 500, `${allMs}`);
  },
  "who fetches dies": ({ calls, firstMs, timeouts }) => {
    deepStrictEqual([calls, timeouts], [2, 0]);
    ok(firstMs! > 3_000 && firstMs! < 3_500, `the lock ends, and the next one calls: ${firstMs}`);
  },
  "rates API down for 6 s": ({ calls, allMs, timeouts, meanLooks }) => {
    ok(calls <= 6_000 / 500 + 1, `${calls} calls`);
    ok(allMs! < 7_500, `${allMs}`);
    strictEqual(timeouts, workers, "each waited 5 s once");
    ok(meanLooks < 10_000, `${meanLooks} looks a second`);
  },
  "the same, stale rates may serve": ({ calls, staleUses, timeouts, meanLooks }) => {
    ok(calls <= 2 + 8_000 / 500 + 1, `${calls} calls`);
    ok(staleUses > 100_000, `${staleUses} batches`);
    strictEqual(timeouts, 0);
    ok(meanLooks < 4_000, `${meanLooks} looks a second`);
  },
  "rates API takes 1.8 s": ({ calls, timeouts, allMs, meanLooks }) => {
    deepStrictEqual([calls, timeouts], [1, 0]);
    ok(allMs! < 2_300, `${allMs}`);
    ok(meanLooks < 12_000, `${meanLooks} looks a second`);
  },
  "rates API takes longer than its 2 s, for 6 s": ({ calls, timeouts }) => {
    deepStrictEqual([calls, timeouts], [4, workers]);
  },
  "Redis away from 30 s to 150 s": ({ calls, loneCalls, timeouts }) => {
    strictEqual(timeouts, 0);
    ok(loneCalls <= 2 * workers, `${loneCalls} of them, in two minutes`);
    strictEqual(calls - loneCalls, 2, "one before, one after");
  },
  "Redis away for 8 s, the rates API for 6 of them": ({ calls, loneCalls, timeouts, allMs }) => {
    strictEqual(loneCalls, workers, "each once, though it failed");
    strictEqual(calls - loneCalls, 1);
    strictEqual(timeouts, workers);
    ok(allMs! < 9_000, `${allMs}`);
  },
  "Redis in another region, cold cache": ({ calls, timeouts }) => deepStrictEqual([calls, timeouts], [1, 0]),
};

for (const scenario of scenarios) {
  Deno.test(`runCrowd() breaks no invariant with ${workers} workers: ${scenario.name}`, async () => {
    const result = await runCrowd(scenario, workers, 1);
    ok(result.allMs !== undefined, "all have rates in the end");
    ok(result.peakLooks <= 26_000, `${result.peakLooks} looks a second`);
    expected[scenario.name]!(result);
  });
}

Deno.test("runCrowd() runs the same for the same seed, and another for another", async () => {
  const [cold] = scenarios;
  const [one, again, other] = [
    await runCrowd(cold!, 50, 7),
    await runCrowd(cold!, 50, 7),
    await runCrowd(cold!, 50, 8),
  ];
  deepStrictEqual(one, again);
  ok(one.allMs !== other.allMs);
});

/** Takes back its lock by itself, and so gives it to a second one while the first has it. */
class ForgetfulLock extends MemoryRates {
  override async lookOrLock(token: string): ReturnType<MemoryRates["lookOrLock"]> {
    return await super.lookOrLock(token, 0);
  }
}

Deno.test("runCrowd() finds a lock that two hold at once", async () => {
  await rejects(runCrowd(scenarios[0]!, 50, 1, (clock) => new ForgetfulLock(clock)), /second holder/);
});

/** Takes whoever writes for the one that has the lock. */
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

Deno.test("runCrowd() finds a write by one who has lost the lock", async () => {
  const late = { ...scenarios[0]!, answerMs: () => 1_500, times: { RATES_LOCK_TTL_MS: 1_000 } };
  strictEqual((await runCrowd(late, 20, 1)).firstMs, undefined, "each is refused what it would write");
  await rejects(runCrowd(late, 20, 1, (clock) => new CarelessCache(clock)), /lost the lock/);
});
