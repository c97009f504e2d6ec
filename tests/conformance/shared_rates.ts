/** One suite for every {@linkcode SharedRates}: Redis, and the in-memory one. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { seededRandom } from "../../shared/runtime/random.ts";
import type { Rates } from "../../subscriber/rates/rates.ts";
import { type Cached, lockToken, type SharedRates } from "../../subscriber/rates/shared_rates.ts";
import { ratesOf, someRates } from "../fixtures/deliveries.ts";

/** Gets an empty cache; each call of `pass` lets at least this many ms pass. */
type Use = (shared: SharedRates, pass: (ms: number) => Promise<void>) => Promise<void>;
type Register = (what: string, use: Use) => void;

/** Shared rates under test. */
export interface Subject {
  readonly name: string;
  withShared(use: Use): Promise<void>;
}

/** Writes rates that are stale but still usable. */
async function writeStale(shared: SharedRates, pass: (ms: number) => Promise<void>, rates: Rates): Promise<void> {
  await shared.lookOrLock("writer", longMs);
  await shared.write("writer", rates, { freshMs: shortMs, staleMs: longMs });
  await pass(overMs);
}

/** Registers the suite's tests under the subject's name. */
export function testSharedRates({ name, withShared }: Subject): void {
  const test: Register = (what, use) => Deno.test(`${name}: ${what}`, () => withShared(use));
  testLock(test);
  testPause(test);
  testWrite(test);
  testTimes(test);
}

const life = { freshMs: 60_000, staleMs: 0 };
/** `longMs` outlasts any test; `shortMs` is over once a test has let `overMs` pass. */
const [longMs, shortMs, overMs] = [60_000, 20, 80];
const [older, newer] = [ratesOf({ USD: "1" }, 1_000), ratesOf({ USD: "2" }, 2_000)];
const free = { state: "free", holder: undefined, ttlMs: 0 };

function testLock(test: Register): void {
  test("lookOrLock() gives the lock to exactly one of 32 callers, and again after it expires", async (shared, pass) => {
    for (let round = 0; round < 3; round++) {
      const looks = await Promise.all(
        Array.from({ length: 32 }, (_, i) => shared.lookOrLock(`${round}-${i}`, longMs)),
      );
      const holder = looks.findIndex(({ state }) => state === "locked");
      deepStrictEqual(looks.map(({ state }) => state).sort(), [...Array(31).fill("held"), "locked"]);
      deepStrictEqual(looks.filter(({ cached }) => cached), []);
      await shared.release(`${round}-${holder}`);
      await shared.lookOrLock("dies", shortMs);
      await pass(overMs);
    }
  });

  test("lookOrLock() does not give the lock twice to the same token, nor extend it", async (shared, pass) => {
    await shared.lookOrLock("mine", 1_000);
    strictEqual((await shared.lookOrLock("mine", longMs)).state, "held");
    strictEqual((await shared.lookOrLock("other", longMs)).state, "held");
    await pass(1_050);
    strictEqual((await shared.lookOrLock("other", longMs)).state, "locked");
  });

  test("lookOrLock() takes no lock while the rates are fresh", async (shared) => {
    await shared.lookOrLock("a", longMs);
    await shared.write("a", someRates, life);
    strictEqual((await shared.lookOrLock("b", longMs)).state, "fresh");
    strictEqual(await shared.write("b", newer, life), "lock-lost");
  });

  test("release() gives back only the caller's own lock", async (shared) => {
    await shared.lookOrLock("mine", longMs);
    await shared.release("other");
    strictEqual((await shared.lookOrLock("next", longMs)).state, "held");
    await shared.release("mine");
    strictEqual((await shared.lookOrLock("next", longMs)).state, "locked");
    await shared.release("mine");
    strictEqual((await shared.lookOrLock("third", longMs)).state, "held");
    strictEqual(await shared.write("mine", someRates, life), "lock-lost");
  });

  test("inspect() names the holder of the lock, and changes nothing", async (shared) => {
    const token = lockToken("subscriber.1-a", seededRandom(1));
    deepStrictEqual(await shared.inspect(), { cached: undefined, lock: free });
    await shared.lookOrLock(token, longMs);
    const held = (await shared.inspect()).lock;
    deepStrictEqual([held.state, held.holder], ["held", "subscriber.1-a"]);
    strictEqual(held.ttlMs > 0 && held.ttlMs <= longMs, true, `${held.ttlMs} ms left`);
    await shared.write(token, someRates, life);
    const { cached, lock } = await shared.inspect();
    deepStrictEqual([cached?.rates, lock], [someRates, free]);
    strictEqual(cached!.freshMs > 0 && cached!.freshMs <= life.freshMs, true, `${cached!.freshMs} ms fresh`);
    strictEqual(cached!.usableMs - cached!.freshMs, life.staleMs);
    strictEqual((await shared.lookOrLock("next", longMs)).state, "fresh");
  });
}

function testPause(test: Register): void {
  test("release() and pause() do nothing without a lock", async (shared) => {
    await shared.release("mine");
    await shared.pause("mine", longMs);
    strictEqual((await shared.lookOrLock("mine", longMs)).state, "locked");
  });

  test("release() and pause() keep the cached rates", async (shared, pass) => {
    await writeStale(shared, pass, someRates);
    await shared.lookOrLock("b", longMs);
    await shared.release("b");
    await shared.lookOrLock("c", longMs);
    await shared.pause("c", longMs);
    deepStrictEqual((await shared.lookOrLock("d", longMs)).cached?.rates, someRates);
  });

  test("pause() blocks the lock for all, its caller included", async (shared) => {
    await shared.lookOrLock("mine", longMs);
    await shared.pause("mine", longMs);
    strictEqual((await shared.lookOrLock("mine", longMs)).state, "paused");
    strictEqual((await shared.lookOrLock("other", longMs)).state, "paused");
    const { state, holder } = (await shared.inspect()).lock;
    deepStrictEqual([state, holder], ["paused", undefined]);
  });

  test("pause() ends by itself", async (shared, pass) => {
    await shared.lookOrLock("mine", longMs);
    await shared.pause("mine", shortMs);
    await pass(overMs);
    strictEqual((await shared.lookOrLock("other", longMs)).state, "locked");
  });

  test("pause() changes nothing with another token, or for another holder's lock", async (shared, pass) => {
    await shared.lookOrLock("late", shortMs);
    await pass(overMs);
    await shared.lookOrLock("next", longMs);
    await shared.pause("late", shortMs);
    await shared.pause("other", shortMs);
    await pass(overMs);
    strictEqual((await shared.lookOrLock("third", longMs)).state, "held");
    strictEqual(await shared.write("next", someRates, life), "written");
  });

  test("a paused lock accepts no write, release or pause", async (shared) => {
    await shared.lookOrLock("mine", longMs);
    await shared.pause("mine", longMs);
    strictEqual(await shared.write("mine", someRates, life), "lock-lost");
    await shared.release("mine");
    await shared.pause("mine", 1);
    strictEqual((await shared.lookOrLock("next", longMs)).state, "paused");
  });
}

function testWrite(test: Register): void {
  test("write() stores the rates for all, and releases the lock", async (shared) => {
    await shared.lookOrLock("mine", longMs);
    strictEqual(await shared.write("mine", someRates, life), "written");
    const { state, cached } = await shared.lookOrLock("other", longMs);
    strictEqual(state, "fresh");
    deepStrictEqual(cached?.rates, someRates);
    strictEqual(await shared.write("mine", someRates, life), "lock-lost", "the lock serves for one write");
  });

  const currency = (i: number) => String.fromCharCode(...[i / 676, i / 26, i].map((n) => 65 + Math.floor(n) % 26));
  const many = Array.from({ length: 1_000 }, (_, i) => [currency(i), `${i}.${"123456789".repeat(2)}`]);
  const digits = {
    "every digit of every rate": {
      USD: "1.070500000000000000",
      BTC: "0.000000000000000001",
      ZWL: "999999999999999.999999999999999999",
      IRR: "000045678.90",
      JPY: "900719925474099",
      EUR: "1.000",
    },
    "a thousand rates": { ...Object.fromEntries(many), AAA: "1" },
  };
  for (const [what, rates] of Object.entries(digits)) {
    test(`write() keeps ${what}, and their time`, async (shared) => {
      const written = ratesOf(rates, 1);
      await shared.lookOrLock("mine", longMs);
      await shared.write("mine", written, life);
      deepStrictEqual((await shared.lookOrLock("other", longMs)).cached?.rates, written);
    });
  }

  test("write() is rejected without a lock", async (shared) => {
    strictEqual(await shared.write("mine", someRates, life), "lock-lost");
    strictEqual((await shared.lookOrLock("mine", longMs)).state, "locked");
    strictEqual(await shared.write("other", someRates, life), "lock-lost");
    const look = await shared.lookOrLock("third", longMs);
    deepStrictEqual(
      [look.state, look.cached],
      ["held", undefined],
      "nothing was stored, and the lock is still its holder's",
    );
  });

  test("write() is rejected after the lock expires, whether or not another caller holds it", async (shared, pass) => {
    await shared.lookOrLock("late", shortMs);
    await pass(overMs);
    strictEqual(await shared.write("late", newer, life), "lock-lost");
    strictEqual((await shared.lookOrLock("next", longMs)).state, "locked");
    strictEqual(await shared.write("late", newer, life), "lock-lost");
    strictEqual(await shared.write("next", older, life), "written");
    strictEqual(await shared.write("late", newer, life), "lock-lost");
    deepStrictEqual((await shared.lookOrLock("third", longMs)).cached?.rates, older);
  });

  test("write() never replaces newer rates by older ones, and keeps the lock", async (shared, pass) => {
    await writeStale(shared, pass, newer);
    strictEqual((await shared.lookOrLock("b", longMs)).state, "locked");
    strictEqual(await shared.write("b", older, life), "older");
    const { state, cached } = await shared.lookOrLock("c", longMs);
    deepStrictEqual([state, cached?.rates], ["held", newer]);
    await shared.pause("b", longMs);
    strictEqual((await shared.lookOrLock("c", longMs)).state, "paused");
  });

  test("write() replaces rates by newer ones, or by ones of the same time", async (shared, pass) => {
    for (const rates of [older, newer, newer]) {
      await shared.lookOrLock("mine", longMs);
      strictEqual(await shared.write("mine", rates, { freshMs: shortMs, staleMs: longMs }), "written");
      deepStrictEqual((await shared.lookOrLock("mine", longMs)).cached?.rates, rates);
      await pass(overMs);
    }
  });

  test("write() accepts older rates after the newer ones expire", async (shared, pass) => {
    await shared.lookOrLock("a", longMs);
    await shared.write("a", newer, { freshMs: shortMs, staleMs: 0 });
    await pass(overMs);
    await shared.lookOrLock("b", longMs);
    strictEqual(await shared.write("b", older, life), "written");
  });
}

function testTimes(test: Register): void {
  test("returns how long rates are fresh and usable, and both decrease", async (shared, pass) => {
    await shared.lookOrLock("a", longMs);
    await shared.write("a", someRates, { freshMs: 50_000, staleMs: 70_000 });
    let last: Cached = { rates: someRates, freshMs: 50_001, usableMs: 120_001 };
    for (let i = 0; i < 3; i++) {
      const { state, cached } = await shared.lookOrLock("b", longMs);
      strictEqual(state, "fresh");
      strictEqual(cached!.usableMs - cached!.freshMs, 70_000);
      strictEqual(cached!.freshMs < last.freshMs && cached!.freshMs > 0, true, `${cached!.freshMs} ms`);
      last = cached!;
      await pass(10);
    }
  });

  test("still returns rates that are no longer fresh, in any state of the lock", async (shared, pass) => {
    await writeStale(shared, pass, someRates);
    const states = [];
    for (const token of ["b", "c", "d"]) {
      const { state, cached } = await shared.lookOrLock(token, longMs);
      states.push(state);
      deepStrictEqual(cached?.rates, someRates);
      strictEqual(cached!.freshMs <= 0 && cached!.usableMs > 0 && cached!.usableMs <= longMs, true);
      if (token === "c") await shared.pause("b", longMs);
    }
    deepStrictEqual(states, ["locked", "held", "paused"]);
  });

  test("returns no rates after their stale time", async (shared, pass) => {
    await shared.lookOrLock("a", longMs);
    await shared.write("a", someRates, { freshMs: shortMs, staleMs: shortMs });
    await pass(overMs + shortMs);
    const look = await shared.lookOrLock("b", longMs);
    deepStrictEqual([look.state, look.cached], ["locked", undefined]);
  });
}
