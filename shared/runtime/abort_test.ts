import { rejects, strictEqual } from "node:assert/strict";
import { abortable } from "./abort.ts";

Deno.test("abortable() gives what comes before the signal is aborted, and throws the signal's reason after", async () => {
  const aborted = new AbortController();
  strictEqual(await abortable(Promise.resolve("in time"), aborted.signal), "in time");
  const waiting = abortable(new Promise(() => {}), aborted.signal);
  aborted.abort(new Error("enough"));
  await rejects(waiting, /enough/);
  await rejects(abortable(Promise.resolve("too late"), aborted.signal), /enough/);
  // What nobody waits for any more must not end the process.
  await rejects(abortable(Promise.reject(new Error("failed")), aborted.signal), /enough/);
});

Deno.test("abortable() hands on what fails, and leaves no listener on the signal", async () => {
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
