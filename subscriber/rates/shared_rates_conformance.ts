/** One suite for everything that is a {@linkcode SharedRates}: Redis, and the one in memory. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { ratesOf, someRates } from "../testing.ts";
import type { Cached, SharedRates } from "./shared_rates.ts";

/** A kind of shared rates that is put to the test. */
export interface Subject {
  readonly name: string;
  /** Gives `use` fresh ones; each call of `pass` lets at least so many ms go by. */
  withShared(use: (shared: SharedRates, pass: (ms: number) => Promise<void>) => Promise<void>): Promise<void>;
}

const life = { freshMs: 60_000, staleMs: 0 };
/** A lock or life that outlasts any test, and one that is over when a test has let {@linkcode overMs} pass. */
const [longMs, shortMs, overMs] = [60_000, 20, 40];
const [older, newer] = [ratesOf({ USD: "1" }, 1_000), ratesOf({ USD: "2" }, 2_000)];

/** Registers the suite's tests, under the subject's name. */
export function testSharedRates({ name, withShared }: Subject): void {
  testLock({ name, withShared });
  testWrite({ name, withShared });
  testTimes({ name, withShared });
}

function testLock({ name, withShared }: Subject): void {
  Deno.test(`${name}.lookOrLock() gives the lock to exactly one of 32 at once, and again after it has expired`, async () => {
    await withShared(async (shared, pass) => {
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
  });

  Deno.test(`${name}.lookOrLock() does not give the lock twice to the same token, nor prolong it`, async () => {
    await withShared(async (shared, pass) => {
      await shared.lookOrLock("mine", 1_000);
      strictEqual((await shared.lookOrLock("mine", longMs)).state, "held");
      strictEqual((await shared.lookOrLock("other", longMs)).state, "held");
      await pass(1_050);
      strictEqual((await shared.lookOrLock("other", longMs)).state, "locked");
    });
  });

  Deno.test(`${name}.lookOrLock() takes no lock while the rates are fresh`, async () => {
    await withShared(async (shared) => {
      await shared.lookOrLock("a", longMs);
      await shared.write("a", someRates, life);
      strictEqual((await shared.lookOrLock("b", longMs)).state, "fresh");
      strictEqual(await shared.write("b", newer, life), "lock-lost");
    });
  });

  Deno.test(`${name}.release() gives back the caller's lock, and with another token nothing`, async () => {
    await withShared(async (shared) => {
      await shared.lookOrLock("mine", longMs);
      await shared.release("other");
      strictEqual((await shared.lookOrLock("next", longMs)).state, "held");
      await shared.release("mine");
      strictEqual((await shared.lookOrLock("next", longMs)).state, "locked");
      await shared.release("mine");
      strictEqual((await shared.lookOrLock("third", longMs)).state, "held");
      strictEqual(await shared.write("mine", someRates, life), "lock-lost");
    });
  });

  Deno.test(`${name}.release() and pause() do nothing where there is no lock`, async () => {
    await withShared(async (shared) => {
      await shared.release("mine");
      await shared.pause("mine", longMs);
      strictEqual((await shared.lookOrLock("mine", longMs)).state, "locked");
    });
  });

  Deno.test(`${name}.release() and pause() leave the cached rates as they are`, async () => {
    await withShared(async (shared, pass) => {
      await shared.lookOrLock("a", longMs);
      await shared.write("a", someRates, { freshMs: shortMs, staleMs: longMs });
      await pass(overMs);
      await shared.lookOrLock("b", longMs);
      await shared.release("b");
      await shared.lookOrLock("c", longMs);
      await shared.pause("c", longMs);
      deepStrictEqual((await shared.lookOrLock("d", longMs)).cached?.rates, someRates);
    });
  });

  Deno.test(`${name}.pause() keeps all from the lock, also who paused, and ends by itself`, async () => {
    await withShared(async (shared) => {
      await shared.lookOrLock("mine", longMs);
      await shared.pause("mine", longMs);
      strictEqual((await shared.lookOrLock("mine", longMs)).state, "paused");
      strictEqual((await shared.lookOrLock("other", longMs)).state, "paused");
    });
    await withShared(async (shared, pass) => {
      await shared.lookOrLock("mine", longMs);
      await shared.pause("mine", shortMs);
      await pass(overMs);
      strictEqual((await shared.lookOrLock("other", longMs)).state, "locked");
    });
  });

  Deno.test(`${name}.pause() changes nothing with another token, nor once the lock is another's`, async () => {
    await withShared(async (shared, pass) => {
      await shared.lookOrLock("late", shortMs);
      await pass(overMs);
      await shared.lookOrLock("next", longMs);
      await shared.pause("late", shortMs);
      await shared.pause("other", shortMs);
      await pass(overMs);
      strictEqual((await shared.lookOrLock("third", longMs)).state, "held");
      strictEqual(await shared.write("next", someRates, life), "written");
    });
  });

  Deno.test(`${name} has no lock in a pause: it cannot be written, released or paused any more`, async () => {
    await withShared(async (shared) => {
      await shared.lookOrLock("mine", longMs);
      await shared.pause("mine", longMs);
      strictEqual(await shared.write("mine", someRates, life), "lock-lost");
      await shared.release("mine");
      await shared.pause("mine", 1);
      strictEqual((await shared.lookOrLock("next", longMs)).state, "paused");
    });
  });
}

function testWrite({ name, withShared }: Subject): void {
  Deno.test(`${name}.write() stores the rates for all, and gives the lock back`, async () => {
    await withShared(async (shared) => {
      await shared.lookOrLock("mine", longMs);
      strictEqual(await shared.write("mine", someRates, life), "written");
      const { state, cached } = await shared.lookOrLock("other", longMs);
      strictEqual(state, "fresh");
      deepStrictEqual(cached?.rates, someRates);
      strictEqual(await shared.write("mine", someRates, life), "lock-lost", "the lock serves for one write");
    });
  });

  const digits = {
    USD: "1.070500000000000000",
    BTC: "0.000000000000000001",
    ZWL: "999999999999999.999999999999999999",
    IRR: "000045678.90",
    JPY: "900719925474099",
    EUR: "1.000",
  };
  Deno.test(`${name} keeps every digit of every rate, and when they were set`, async () => {
    const currency = (i: number) => String.fromCharCode(...[i / 676, i / 26, i].map((n) => 65 + Math.floor(n) % 26));
    const many = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, i) => [currency(i), `${i}.${"123456789".repeat(2)}`]),
    );
    for (const rates of [ratesOf(digits, 1), ratesOf({ ...many, AAA: "1" })]) {
      await withShared(async (shared) => {
        await shared.lookOrLock("mine", longMs);
        await shared.write("mine", rates, life);
        deepStrictEqual((await shared.lookOrLock("other", longMs)).cached?.rates, rates);
      });
    }
  });

  Deno.test(`${name}.write() is refused without a lock`, async () => {
    await withShared(async (shared) => {
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
  });

  Deno.test(`${name}.write() is refused once the lock has expired, whether or not another has taken it`, async () => {
    await withShared(async (shared, pass) => {
      await shared.lookOrLock("late", shortMs);
      await pass(overMs);
      strictEqual(await shared.write("late", newer, life), "lock-lost");
      strictEqual((await shared.lookOrLock("next", longMs)).state, "locked");
      strictEqual(await shared.write("late", newer, life), "lock-lost");
      strictEqual(await shared.write("next", older, life), "written");
      strictEqual(await shared.write("late", newer, life), "lock-lost");
      deepStrictEqual((await shared.lookOrLock("third", longMs)).cached?.rates, older);
    });
  });

  Deno.test(`${name}.write() never replaces newer rates by older, and gives the lock back`, async () => {
    await withShared(async (shared, pass) => {
      await shared.lookOrLock("a", longMs);
      await shared.write("a", newer, { freshMs: shortMs, staleMs: longMs });
      await pass(overMs);
      strictEqual((await shared.lookOrLock("b", longMs)).state, "locked");
      strictEqual(await shared.write("b", older, life), "older");
      const { state, cached } = await shared.lookOrLock("c", longMs);
      deepStrictEqual([state, cached?.rates], ["locked", newer]);
    });
  });

  Deno.test(`${name}.write() replaces rates by newer ones, and by those of the same time`, async () => {
    await withShared(async (shared, pass) => {
      for (const rates of [older, newer, newer]) {
        await shared.lookOrLock("mine", longMs);
        strictEqual(await shared.write("mine", rates, { freshMs: shortMs, staleMs: longMs }), "written");
        deepStrictEqual((await shared.lookOrLock("mine", longMs)).cached?.rates, rates);
        await pass(overMs);
      }
    });
  });

  Deno.test(`${name}.write() takes older rates when the newer ones are gone`, async () => {
    await withShared(async (shared, pass) => {
      await shared.lookOrLock("a", longMs);
      await shared.write("a", newer, { freshMs: shortMs, staleMs: 0 });
      await pass(overMs);
      await shared.lookOrLock("b", longMs);
      strictEqual(await shared.write("b", older, life), "written");
    });
  });
}

function testTimes({ name, withShared }: Subject): void {
  Deno.test(`${name} tells how long rates are fresh and usable, and both go down`, async () => {
    await withShared(async (shared, pass) => {
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
  });

  Deno.test(`${name} still has rates that are no longer fresh, with whatever becomes of the lock`, async () => {
    await withShared(async (shared, pass) => {
      await shared.lookOrLock("a", longMs);
      await shared.write("a", someRates, { freshMs: shortMs, staleMs: longMs });
      await pass(overMs);
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
  });

  Deno.test(`${name} has no rates once their time is over, also what they may be stale`, async () => {
    await withShared(async (shared, pass) => {
      await shared.lookOrLock("a", longMs);
      await shared.write("a", someRates, { freshMs: shortMs, staleMs: shortMs });
      await pass(overMs + shortMs);
      const look = await shared.lookOrLock("b", longMs);
      deepStrictEqual([look.state, look.cached], ["locked", undefined]);
    });
  });
}
