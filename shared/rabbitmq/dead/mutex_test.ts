import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { Mutex } from "./mutex.ts";

const never = new AbortController().signal;
const signals = { waiting: never, closed: never };

/** A turn that is over when it is told so. */
function openEnded() {
  const { promise, resolve } = Promise.withResolvers<string>();
  return { act: () => promise, end: resolve };
}

Deno.test("Mutex.take() lets one begin when the one before has ended, however it ended", async () => {
  const clock = new VirtualClock();
  const mutex = new Mutex(clock, 1_000);
  const begun: string[] = [];
  const first = openEnded();
  const failing = mutex.take(() => first.act().then(() => Promise.reject(new Error("failed"))), signals);
  const second = mutex.take(() => Promise.resolve(begun.push("second")), signals);
  const third = mutex.take(() => Promise.resolve(begun.push("third")), signals);
  await clock.advance(999);
  deepStrictEqual(begun, []);
  first.end("");
  await rejects(failing, /failed/);
  await Promise.all([second, third]);
  deepStrictEqual([begun, clock.sleepers], [["second", "third"], 0]);
});

Deno.test("Mutex.take() gives up on a turn that does not come in time, and never begins it", async () => {
  const clock = new VirtualClock();
  const mutex = new Mutex(clock, 1_000);
  const [before, long] = [openEnded(), openEnded()];
  const earlier = Promise.allSettled([mutex.take(before.act, signals), mutex.take(long.act, signals)]);
  await clock.advance(500);
  let begun = false;
  const waiting = mutex.take(() => Promise.resolve(begun = true), signals);
  const refused = rejects(waiting, { name: "DeadLetterTimeout", message: /^Another operation .* 1000 ms/ });
  // The long one begins only now, and so may still be at it when the last one's wait is over.
  before.end("");
  await clock.advance(1_000);
  await refused;
  long.end("");
  await earlier;
  strictEqual(begun, false);
});

Deno.test("Mutex.take() does not wait for who takes too long, and lets the next begin", async () => {
  const clock = new VirtualClock();
  const mutex = new Mutex(clock, 1_000);
  const late = rejects(mutex.take(openEnded().act, signals), {
    name: "DeadLetterTimeout",
    message: /did not answer within/,
  });
  await clock.advance(1_000);
  await late;
  strictEqual(await mutex.take(() => Promise.resolve("next"), signals), "next");
});

Deno.test("Mutex.take() ends a wait when who waits has left, and a turn when all is closed", async () => {
  const clock = new VirtualClock();
  const mutex = new Mutex(clock, 1_000);
  const [leaving, closing] = [new AbortController(), new AbortController()];
  const turn = rejects(mutex.take(openEnded().act, { ...signals, closed: closing.signal }), /closed/);
  const wait = rejects(mutex.take(openEnded().act, { ...signals, waiting: leaving.signal }), /left/);
  await clock.advance(0);
  leaving.abort(new Error("left"));
  await wait;
  closing.abort(new Error("closed"));
  await turn;
  strictEqual(clock.sleepers, 0);
});
