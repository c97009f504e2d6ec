import { rejects, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { deadline } from "./within.ts";

const late = () => new Error("too late");

Deno.test("within() gives what comes in time, and what is thrown, and leaves no timer", async () => {
  const clock = new VirtualClock();
  strictEqual(await deadline(Promise.resolve("in time"), { ms: 10, clock, late }), "in time");
  await rejects(deadline(Promise.reject(new Error("failed")), { ms: 10, clock, late }), /failed/);
  await clock.advance(0);
  strictEqual(clock.sleepers, 0);
});

Deno.test("within() throws when the time is over, or the signal is aborted", async () => {
  const clock = new VirtualClock();
  const never = new Promise<never>(() => {});
  const waiting = rejects(deadline(never, { ms: 10, clock, late }), /too late/);
  await clock.advance(10);
  await waiting;
  const signal = AbortSignal.abort(new Error("left"));
  await rejects(deadline(Promise.reject(new Error("nobody's")), { ms: 10, clock, signal, late }), /left/);
});
