import { rejects, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { callWithDeadline, coalesced } from "./deadline.ts";

Deno.test("callWithDeadline() gives what is answered in time, and aborts and throws what is not", async () => {
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

Deno.test("coalesced() asks once for all who ask at once, and again when its time is over", async () => {
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

Deno.test("coalesced() remembers that it failed", async () => {
  const clock = new VirtualClock();
  let asked = 0;
  const ask = coalesced(500, clock, () => Promise.reject(new Error(`failure ${++asked}`)));
  await rejects(ask(), /failure 1/);
  await rejects(ask(), /failure 1/);
  await clock.advance(500);
  await rejects(ask(), /failure 2/);
});
