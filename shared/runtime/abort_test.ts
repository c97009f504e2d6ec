import { rejects, strictEqual } from "node:assert/strict";
import { unlessAborted } from "./abort.ts";

Deno.test("unlessAborted() gives what comes before the signal is aborted, and throws the signal's reason after", async () => {
  const aborted = new AbortController();
  strictEqual(await unlessAborted(Promise.resolve("in time"), aborted.signal), "in time");
  const waiting = unlessAborted(new Promise(() => {}), aborted.signal);
  aborted.abort(new Error("enough"));
  await rejects(waiting, /enough/);
  await rejects(unlessAborted(Promise.resolve("too late"), aborted.signal), /enough/);
  // What nobody waits for any more must not end the process.
  await rejects(unlessAborted(Promise.reject(new Error("failed")), aborted.signal), /enough/);
});

Deno.test("unlessAborted() hands on what fails, and leaves no listener on the signal", async () => {
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
  await rejects(unlessAborted(Promise.reject(new Error("failed")), signal), /failed/);
  await unlessAborted(Promise.resolve(), signal);
  strictEqual(listeners, 0);
});
