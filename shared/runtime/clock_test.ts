import assert from "node:assert/strict";
import { systemClock as clock } from "./clock.ts";

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
