/** Who may fetch rates: one at a time, for a time. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { seededRandom } from "../../../shared/runtime/random.ts";
import { someRates } from "../../fixtures/deliveries.ts";
import { lockToken } from "../../../subscriber/rates/shared_rates.ts";
import { life, longMs, newer, overMs, shortMs, type Subject } from "./subject.ts";

const free = { state: "free", holder: undefined, ttlMs: 0 };

export function testLock({ name, withShared }: Subject): void {
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

  Deno.test(`${name}.inspect() tells who holds the lock, and changes nothing`, async () => {
    await withShared(async (shared) => {
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
  });

  Deno.test(`${name}.inspect() tells of a pause`, async () => {
    await withShared(async (shared) => {
      await shared.lookOrLock("mine", longMs);
      await shared.pause("mine", longMs);
      const { state, holder } = (await shared.inspect()).lock;
      deepStrictEqual([state, holder], ["paused", undefined]);
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
