import assert from "node:assert/strict";
import { seededRandom } from "../random.ts";
import { VirtualClock } from "./virtual_clock.ts";

Deno.test("advance() ends sleeps in the order of their ends, each at its time", async () => {
  const clock = new VirtualClock(1_000);
  const seen: [string, number][] = [];
  const sleeps = [["c", 30], ["a", 10], ["b", 20], ["late", 41]] as const;
  const done = sleeps.map(([name, ms]) => clock.sleep(ms).then(() => seen.push([name, clock.now()])));
  await clock.advance(40);
  assert.deepEqual(seen, [["a", 1_010], ["b", 1_020], ["c", 1_030]]);
  assert.equal(clock.now(), 1_040);
  assert.equal(clock.sleepers, 1);
  await clock.advance(1);
  await Promise.all(done);
});

Deno.test("advance() keeps the order among many sleeps, first come first where they end at once", async () => {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const sleeps = Array.from({ length: 1_000 }, (_, n) => ({ n, ms: random.int(0, 100), cut: n % 7 === 0 }));
  const woken: number[] = [];
  const stop = new AbortController();
  const done = sleeps.map(({ n, ms, cut }) =>
    clock.sleep(ms, cut ? stop.signal : undefined).then(() => woken.push(n), () => {})
  );
  stop.abort(new Error("cut short"));
  await clock.advance(100);
  await Promise.all(done);
  const expected = sleeps.filter(({ cut }) => !cut).toSorted((a, b) => a.ms - b.ms || a.n - b.n).map(({ n }) => n);
  assert.deepEqual(woken, expected);
  assert.equal(clock.sleepers, 0);
});

Deno.test("advance() lets what woke sleep again within the same stretch", async () => {
  const clock = new VirtualClock();
  let rounds = 0;
  const loop = (async () => {
    for (; rounds < 3; rounds++) await clock.sleep(10);
  })();
  await clock.advance(30);
  await loop;
  assert.equal(rounds, 3);
});

Deno.test("sleep() rejects with the signal's reason, before and while it sleeps", async () => {
  const clock = new VirtualClock();
  const reason = new Error("leaving");
  await assert.rejects(clock.sleep(10, AbortSignal.abort(reason)), reason);
  const stop = new AbortController();
  const sleeping = assert.rejects(clock.sleep(10, stop.signal), reason);
  stop.abort(reason);
  await sleeping;
  assert.equal(clock.sleepers, 0);
});

Deno.test("jump() moves the wall clock only", () => {
  const clock = new VirtualClock(5_000);
  clock.jump(-3_000);
  assert.equal(clock.now(), 2_000);
  assert.equal(clock.monotonic(), 0);
});
