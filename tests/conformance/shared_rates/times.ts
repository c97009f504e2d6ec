/** How long rates are fresh, and how long they are there at all. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { someRates } from "../../fixtures/deliveries.ts";
import type { Cached } from "../../../subscriber/rates/shared_rates.ts";
import { longMs, overMs, shortMs, type Subject } from "./subject.ts";

export function testTimes({ name, withShared }: Subject): void {
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
