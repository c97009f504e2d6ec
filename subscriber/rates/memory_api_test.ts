import assert from "node:assert/strict";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { RatesUnavailable } from "./client.ts";
import { MemoryRatesApi } from "./memory_api.ts";
import { checkRates } from "./rates.ts";

const never = new AbortController().signal;
const clock = new VirtualClock();
const rates = checkRates({ base: "EUR", asOfMs: clock.now(), rates: { USD: "1.0705" } }, clock.now());

Deno.test("MemoryRatesApi follows its script, and stays at its last turn", async () => {
  const failure = new RatesUnavailable("unavailable", "down");
  const api = new MemoryRatesApi(clock, { answer: failure }, { answer: rates });
  await assert.rejects(api.fetch(never), failure);
  assert.equal(await api.fetch(never), rates);
  assert.equal(await api.fetch(never), rates);
  assert.equal(api.calls, 3);
  api.follow({ answer: failure });
  await assert.rejects(api.fetch(never), failure);
});

Deno.test("MemoryRatesApi answers when its delay is over", async () => {
  const api = new MemoryRatesApi(clock, { delayMs: 300, answer: rates });
  let answered = false;
  const fetching = api.fetch(never).then(() => answered = true);
  await clock.advance(299);
  assert.deepEqual([answered, api.inFlight], [false, 1]);
  await clock.advance(1);
  await fetching;
  assert.equal(api.inFlight, 0);
});

for (
  const [what, turn] of [["is late", { delayMs: 300, answer: rates }], ["is silent", { answer: "silence" }]] as const
) {
  Deno.test(`MemoryRatesApi ends with the signal when it ${what}`, async () => {
    const api = new MemoryRatesApi(clock, turn);
    const stop = new AbortController();
    const fetching = assert.rejects(api.fetch(stop.signal), { name: "RatesUnavailable", reason: "abandoned" });
    stop.abort();
    await fetching;
    assert.deepEqual([api.inFlight, clock.sleepers], [0, 0]);
  });
}
