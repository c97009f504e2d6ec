import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { seededRandom } from "../random.ts";
import { untilReturned } from "./until_returned.ts";

/** @param isThere by the time since the wait began, in ms */
async function wait(isThere: (ms: number) => boolean | Promise<boolean>, { wasAway = true, stopAt = Infinity } = {}) {
  const [clock, stop] = [new VirtualClock(), new AbortController()];
  const probes: number[] = [];
  const options = { ms: 5_000, wasAway, clock, random: seededRandom(1) };
  let ended: { readonly returned: boolean; readonly at: number } | undefined;
  const waiting = untilReturned({
    ...options,
    isThere: () => Promise.resolve(isThere(probes[probes.push(clock.monotonic()) - 1]!)),
  }, stop.signal).then((returned) => ended = { returned, at: clock.monotonic() });
  clock.sleep(stopAt).then(() => stop.abort());
  await clock.advance(20_000);
  await waiting;
  return { ...ended!, probes };
}

Deno.test("untilReturned() ends within 250 ms of a server's return, also when the server goes away later", async () => {
  const { returned, at } = await wait((ms) => ms >= 3_000);
  deepStrictEqual([returned, at >= 3_000 && at <= 3_250], [true, true], `${at} ms`);
  const left = await wait((ms) => ms < 1_000 || ms >= 2_000, { wasAway: false });
  deepStrictEqual([left.returned, left.at >= 2_000 && left.at <= 2_250], [true, true], `${left.at} ms`);
});

Deno.test("untilReturned() waits in full for a server that refuses, stays away or is silent", async () => {
  for (const there of [() => true, () => false, () => new Promise<boolean>(() => {})]) {
    const { returned, at, probes } = await wait(there, { wasAway: false });
    deepStrictEqual([returned, at], [false, 5_000]);
    strictEqual(probes.every((ms, n) => ms - (probes[n - 1] ?? 0) >= 125), true, `${probes}`);
  }
});

Deno.test("untilReturned() ends on its signal", async () => {
  const { returned, at } = await wait(() => false, { stopAt: 1_234 });
  deepStrictEqual([returned, at], [false, 1_234]);
});
