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

Deno.test("WaitingForRates returns deliveries after their rates arrive, and signals it", async () => {
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

Deno.test("WaitingForRates answers all parts of a batch, until the batch is held", async () => {
  const { clock, waiting } = waitingFor({ current: () => undefined, get: () => Promise.resolve(someRates) });
  const batch = [deliveryOf(bet()), deliveryOf(bet())];
  await waiting.setAside(batch, never);
  waiting.take(10);
  const answers = () => batch.map((delivery) => waiting.answerTo(delivery));
  await clock.advance(60_000);
  deepStrictEqual([answers(), answers()], [[someRates, someRates], [someRates, someRates]]);
  waiting.forget(batch);
  deepStrictEqual(answers(), [undefined, undefined]);
});

Deno.test("WaitingForRates gives no rates to deliveries that are taken more than a second later", async () => {
  for (const awake of [true, false]) {
    const { clock, waiting } = waitingFor({ current: () => undefined, get: () => Promise.resolve(someRates) });
    const delivery = deliveryOf(bet());
    await waiting.setAside([delivery], never);
    if (awake) await clock.advance(1_000);
    else clock.jump(3_600_000);
    deepStrictEqual([waiting.take(10), waiting.answerTo(delivery)], [[delivery], undefined]);
  }
});

Deno.test("WaitingForRates times out each wait by its own deadline", async () => {
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

Deno.test("WaitingForRates returns abandoned deliveries without an answer, and throws a bug of ours", async () => {
  const { waiting } = waitingFor({ current: () => undefined, get: () => Promise.reject(new Error("over")) });
  const delivery = deliveryOf(bet());
  await waiting.setAside([delivery], AbortSignal.abort());
  deepStrictEqual([waiting.take(1), waiting.answerTo(delivery)], [[delivery], undefined]);
  await rejects(waiting.setAside([delivery], never), /over/);
});
