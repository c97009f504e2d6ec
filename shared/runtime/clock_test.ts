import assert from "node:assert/strict";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { sleepToTick, systemClock as clock } from "./clock.ts";

Deno.test("sleep() resolves, and leaves no timer or listener", async () => {
  const stop = new AbortController();
  await clock.sleep(1, stop.signal);
  stop.abort();
});

Deno.test("sleep() rejects with the signal's reason, before and while it sleeps", async () => {
  const reason = new Error("leaving");
  await assert.rejects(clock.sleep(60_000, AbortSignal.abort(reason)), reason);
  const stop = new AbortController();
  const sleeping = assert.rejects(clock.sleep(60_000, stop.signal), reason);
  stop.abort(reason);
  await sleeping;
});

Deno.test("now() is the wall clock, and monotonic() never goes back", () => {
  assert.ok(Math.abs(clock.now() - Date.now()) < 1_000);
  const first = clock.monotonic();
  assert.ok(clock.monotonic() >= first);
});

Deno.test("sleepToTick() aligns loops with different starts, keeps their periods, and returns the delay", async () => {
  const [virtual, stop] = [new VirtualClock(), new AbortController()];
  const woken: Record<string, number[]> = { one: [], other: [] };
  const loop = async (name: string, ms: number) => {
    while (!stop.signal.aborted) {
      await sleepToTick(virtual, ms, stop.signal).catch(() => {});
      if (!stop.signal.aborted) woken[name]!.push(virtual.monotonic());
    }
  };
  await virtual.advance(300);
  const one = loop("one", 1_000);
  await virtual.advance(450);
  const other = loop("other", 2_000);
  await virtual.advance(5_000);
  assert.deepStrictEqual(woken, { one: [1_000, 2_000, 3_000, 4_000, 5_000], other: [2_000, 4_000] });
  stop.abort();
  await Promise.all([one, other]);
  const monotonic = () => virtual.monotonic();
  const busy = { now: monotonic, monotonic, sleep: (ms: number) => virtual.advance(ms + 40) };
  assert.strictEqual(await sleepToTick(busy, 1_000), 40);
});
