/** Which rates are stored, and which are refused. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { ratesOf, someRates } from "../../fixtures/deliveries.ts";
import { life, longMs, newer, older, overMs, shortMs, type Subject } from "./subject.ts";

export function testWrite({ name, withShared }: Subject): void {
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

  Deno.test(`${name}.write() never replaces newer rates by older, and leaves the writer its lock`, async () => {
    await withShared(async (shared, pass) => {
      await shared.lookOrLock("a", longMs);
      await shared.write("a", newer, { freshMs: shortMs, staleMs: longMs });
      await pass(overMs);
      strictEqual((await shared.lookOrLock("b", longMs)).state, "locked");
      strictEqual(await shared.write("b", older, life), "older");
      const { state, cached } = await shared.lookOrLock("c", longMs);
      deepStrictEqual([state, cached?.rates], ["held", newer]);
      await shared.pause("b", longMs);
      strictEqual((await shared.lookOrLock("c", longMs)).state, "paused");
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
