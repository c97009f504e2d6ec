import { strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { RequestLimit } from "./request_limit.ts";

Deno.test("RequestLimit accepts a burst of 200, then 50 a second, per address", async () => {
  const clock = new VirtualClock();
  const limit = new RequestLimit(clock);
  const taken = (address: string) => {
    let count = 0;
    while (limit.take(address)) count++;
    return count;
  };
  strictEqual(taken("a"), 200);
  strictEqual(taken("b"), 200);
  await clock.advance(1_000);
  strictEqual(taken("a"), 50);
  await clock.advance(60_000);
  strictEqual(taken("a"), 200);
});

Deno.test("RequestLimit forgets the least recent address when there are too many", () => {
  const limit = new RequestLimit(new VirtualClock());
  for (let i = 0; i < 200; i++) limit.take("first");
  strictEqual(limit.take("first"), false);
  for (let i = 0; i < 1_000; i++) limit.take(`address ${i}`);
  strictEqual(limit.take("first"), true);
});
