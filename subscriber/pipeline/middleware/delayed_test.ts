import { deepStrictEqual } from "node:assert/strict";
import { never } from "../../../shared/runtime/deadline.ts";
import { retriesHeader } from "../../../shared/rabbitmq/publish/delay_queues.ts";
import { ack, dead, type Outcome } from "../../../shared/rabbitmq/outcome.ts";
import { bet, deliveryOf } from "../../../tests/fixtures/deliveries.ts";
import { type Process, type Wait, wait } from "../entry.ts";
import { delayed } from "./delayed.ts";

const timedOut = dead("rates-timeout", "no rates");

/** What a delivery with this outcome and so many retries behind it comes to. */
async function outcomeOf(outcome: Outcome | Wait, retries: unknown, delays: readonly number[]) {
  const process: Process = ([delivery]) =>
    Promise.resolve([
      outcome.kind === "wait"
        ? { delivery: delivery!, facts: undefined, outcome }
        : { delivery: delivery!, facts: undefined, outcome },
    ]);
  const delivery = { ...deliveryOf(bet()), headers: { [retriesHeader]: retries } };
  const [processed] = await delayed(delays)(process)([delivery], never);
  return processed!.outcome;
}

Deno.test("delayed() gives an event without rates each delay in turn, then leaves it dead", async () => {
  const delays = [1_000, 10_000];
  const first = { kind: "delay", ms: 1_000, attempt: 1, reason: "rates-timeout" };
  deepStrictEqual(await outcomeOf(timedOut, undefined, delays), first);
  deepStrictEqual(await outcomeOf(timedOut, 1, delays), { ...first, ms: 10_000, attempt: 2 });
  deepStrictEqual(await outcomeOf(timedOut, 2, delays), timedOut);
  deepStrictEqual(await outcomeOf(timedOut, 7, delays), timedOut);
});

Deno.test("delayed() takes an impossible count of retries for none", async () => {
  for (const count of [-1, 0.5, NaN, "1", 2 ** 60, null, {}]) {
    deepStrictEqual((await outcomeOf(timedOut, count, [5_000])).kind, "delay", String(count));
  }
});

Deno.test("delayed() leaves other outcomes alone, and all of them when there are no delays", async () => {
  for (const outcome of [ack, dead("unknown-currency", "XTS"), wait]) {
    deepStrictEqual(await outcomeOf(outcome, undefined, [1_000]), outcome);
  }
  deepStrictEqual(await outcomeOf(timedOut, undefined, []), timedOut);
});
