import { rejects, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { abortable, callWithDeadline, coalesced, deadline, settledWithin } from "./deadline.ts";

Deno.test("abortable() returns results from before the abort, and throws the signal's reason after it", async () => {
  const aborted = new AbortController();
  strictEqual(await abortable(Promise.resolve("in time"), aborted.signal), "in time");
  const waiting = abortable(new Promise(() => {}), aborted.signal);
  aborted.abort(new Error("enough"));
  await rejects(waiting, /enough/);
  await rejects(abortable(Promise.resolve("too late"), aborted.signal), /enough/);
  // The rejection of an abandoned promise must not end the process.
  await rejects(abortable(Promise.reject(new Error("failed")), aborted.signal), /enough/);
});

Deno.test("abortable() forwards errors, and leaves no listener on the signal", async () => {
  const signal = new AbortController().signal;
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  await rejects(abortable(Promise.reject(new Error("failed")), signal), /failed/);
  await abortable(Promise.resolve(), signal);
  strictEqual(listeners, 0);
});

const exceeded = () => new Error("too late");

Deno.test("deadline() returns results and errors in time, and leaves no timer", async () => {
  const clock = new VirtualClock();
  strictEqual(await deadline(Promise.resolve("in time"), { ms: 10, clock, exceeded }), "in time");
  await rejects(deadline(Promise.reject(new Error("failed")), { ms: 10, clock, exceeded }), /failed/);
  await clock.advance(0);
  strictEqual(clock.sleepers, 0);
});

Deno.test("deadline() throws after the deadline or the abort", async () => {
  const clock = new VirtualClock();
  const never = new Promise<never>(() => {});
  const waiting = rejects(deadline(never, { ms: 10, clock, exceeded }), /too late/);
  await clock.advance(10);
  await waiting;
  const signal = AbortSignal.abort(new Error("left"));
  await rejects(deadline(Promise.reject(new Error("nobody's")), { ms: 10, clock, signal, exceeded }), /left/);
});

Deno.test("callWithDeadline() returns an answer in time, else aborts the call and throws", async () => {
  const clock = new VirtualClock();
  strictEqual(await callWithDeadline(100, clock, () => Promise.resolve("answer")), "answer");
  let aborted = false;
  const late = callWithDeadline(100, clock, (signal) => {
    signal.addEventListener("abort", () => aborted = true);
    return new Promise<never>(() => {});
  });
  const refused = rejects(late, { name: "DeadlineExceeded", message: "no answer within 100 ms" });
  await clock.advance(100);
  await refused;
  strictEqual(aborted, true);
});

Deno.test("settledWithin() waits for a promise to resolve or reject in time, and leaves no timer", async () => {
  const clock = new VirtualClock();
  strictEqual(await settledWithin(10, clock, Promise.resolve()), true);
  strictEqual(await settledWithin(10, clock, Promise.reject(new Error("failed"))), true);
  await clock.advance(0);
  strictEqual(clock.sleepers, 0);
  const late = settledWithin(10, clock, new Promise(() => {}));
  await clock.advance(10);
  strictEqual(await late, false);
});

Deno.test("coalesced() calls once for concurrent callers, and again after its time", async () => {
  const clock = new VirtualClock();
  let asked = 0;
  const ask = coalesced(500, clock, async () => {
    await clock.sleep(50);
    return ++asked;
  });
  const both = Promise.all([ask(), ask()]);
  await clock.advance(50);
  strictEqual((await both).join(), "1,1");
  await clock.advance(499);
  strictEqual(await ask(), 1);
  await clock.advance(1);
  const again = ask();
  await clock.advance(50);
  strictEqual(await again, 2);
});

Deno.test("coalesced() caches errors", async () => {
  const clock = new VirtualClock();
  let asked = 0;
  const ask = coalesced(500, clock, () => Promise.reject(new Error(`failure ${++asked}`)));
  await rejects(ask(), /failure 1/);
  await rejects(ask(), /failure 1/);
  await clock.advance(500);
  await rejects(ask(), /failure 2/);
});
