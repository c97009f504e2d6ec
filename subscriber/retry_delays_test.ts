import { deepStrictEqual } from "node:assert/strict";
import { retriesHeader } from "../shared/amqp/delay_queues.ts";
import { ack, dead } from "../shared/amqp/outcome.ts";
import { delayRetries } from "./retry_delays.ts";
import { bet, deliveryOf } from "../tests/fixtures/deliveries.ts";

const none = dead("rates-timeout", "no rates");

function triedBefore(retries: unknown) {
  return { delivery: { ...deliveryOf(bet()), headers: { [retriesHeader]: retries } }, outcome: none };
}

function outcomesOf(retries: unknown, delays: readonly number[]) {
  return delayRetries([triedBefore(retries)], delays)[0]!.outcome;
}

Deno.test("delayRetries() gives an event without rates each delay in turn, then leaves it dead", () => {
  const delays = [1_000, 10_000];
  deepStrictEqual(outcomesOf(undefined, delays), { kind: "delay", ms: 1_000, attempt: 1, reason: "rates-timeout" });
  deepStrictEqual(outcomesOf(1, delays), { kind: "delay", ms: 10_000, attempt: 2, reason: "rates-timeout" });
  deepStrictEqual(outcomesOf(2, delays), none);
  deepStrictEqual(outcomesOf(7, delays), none);
});

Deno.test("delayRetries() takes a count that nobody could have counted for none", () => {
  for (const count of [-1, 0.5, NaN, "1", 2 ** 60, null, {}]) {
    deepStrictEqual(outcomesOf(count, [5_000]).kind, "delay", String(count));
  }
});

Deno.test("delayRetries() leaves alone what time does not cure, and everything when there are no delays", () => {
  const others = [
    { delivery: deliveryOf(bet()), outcome: ack },
    { delivery: deliveryOf(bet()), outcome: dead("unknown-currency", "XTS") },
  ];
  deepStrictEqual(delayRetries(others, [1_000]), others);
  const waiting = [triedBefore(undefined)];
  deepStrictEqual(delayRetries(waiting, []), waiting);
});
