import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { never } from "../../shared/runtime/deadline.ts";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { RatesTimeout } from "../rates/source.ts";
import { ratesLater } from "../../tests/fixtures/subscriber_world.ts";
import { bet, deliveryOf, someRates } from "../../tests/fixtures/deliveries.ts";
import type { RatesNowOrLater } from "./edges.ts";
import { WaitingForRates } from "./waiting_for_rates.ts";

function waitingFor(rates: RatesNowOrLater) {
  const clock = new VirtualClock();
  return { clock, waiting: new WaitingForRates(rates, clock) };
}

Deno.test("WaitingForRates returns deliveries once their rates have come, and signals that they are ready", async () => {
  const later = ratesLater();
  const { waiting } = waitingFor(later.rates);
  const deliveries = [1, 2, 3].map(() => deliveryOf(bet()));
  const setAside = waiting.setAside(deliveries, never);
  deepStrictEqual([waiting.take(10), waiting.ready.aborted], [[], false]);
  const { ready } = waiting;
  later.resolve(someRates);
  await setAside;
  deepStrictEqual([ready.aborted, waiting.size], [true, 3]);
  deepStrictEqual([waiting.take(2), waiting.take(2)], [deliveries.slice(0, 2), deliveries.slice(2)]);
  deepStrictEqual([waiting.ready.aborted, waiting.size], [false, 0]);
  deepStrictEqual(deliveries.map((delivery) => waiting.answerTo(delivery)), [someRates, someRates, someRates]);
});

Deno.test("WaitingForRates gives an answer once, and rates for a second at most", async () => {
  const { clock, waiting } = waitingFor({ current: () => undefined, get: () => Promise.resolve(someRates) });
  const [first, second] = [deliveryOf(bet()), deliveryOf(bet())];
  await waiting.setAside([first, second], never);
  deepStrictEqual([waiting.answerTo(first), waiting.answerTo(first)], [someRates, undefined]);
  await clock.advance(1_000);
  strictEqual(waiting.answerTo(second), undefined);
});

Deno.test("WaitingForRates answers with a time-out, each wait by its own deadline", async () => {
  const [first, second] = [ratesLater(), ratesLater()];
  const waits = [first, second];
  const { clock, waiting } = waitingFor({ current: () => undefined, get: () => waits.shift()!.rates.get() });
  const [early, late] = [deliveryOf(bet()), deliveryOf(bet())];
  const settingAside = [waiting.setAside([early], never), waiting.setAside([late], never)];
  const timeout = new RatesTimeout("no rates within 5 s");
  first.reject(timeout);
  await settingAside[0];
  deepStrictEqual(waiting.take(10), [early]);
  await clock.advance(3_600_000);
  strictEqual(waiting.answerTo(early), timeout, "however long its next batch takes to come");
  second.resolve(someRates);
  await settingAside[1];
  deepStrictEqual(waiting.take(10), [late]);
});

Deno.test("WaitingForRates returns abandoned deliveries without an answer, and throws a fault of ours", async () => {
  const { waiting } = waitingFor({ current: () => undefined, get: () => Promise.reject(new Error("over")) });
  const delivery = deliveryOf(bet());
  await waiting.setAside([delivery], AbortSignal.abort());
  deepStrictEqual([waiting.take(1), waiting.answerTo(delivery)], [[delivery], undefined]);
  await rejects(waiting.setAside([delivery], never), /over/);
});
