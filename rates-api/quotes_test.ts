import assert from "node:assert/strict";
import fc from "fast-check";
import { fixedQuotes, randomWalk, referenceRates, walkingQuotes } from "./quotes.ts";

Deno.test("fixedQuotes are the ECB's rates of 2024-06-28 at any time", () => {
  const { asOfMs, rates } = fixedQuotes.at(Date.UTC(2031, 0, 1));
  assert.equal(new Date(asOfMs).toISOString(), "2024-06-28T14:00:00.000Z");
  assert.equal(Object.keys(rates).length, 31);
  assert.deepEqual(
    [rates["USD"], rates["JPY"], rates["HUF"], rates["IDR"], rates["BTC"]],
    ["1.0705", "171.94", "395.10", "17487.21", "0.0000176"],
  );
});

Deno.test("randomWalk() starts at the reference rates and moves every one", () => {
  const walk = randomWalk(1);
  assert.deepEqual(walk(0), referenceRates);
  const later = walk(200);
  for (const [currency, rate] of Object.entries(referenceRates)) assert.notEqual(later[currency], rate, currency);
});

Deno.test("randomWalk() depends only on seed and step, not on earlier calls", () => {
  const step = fc.integer({ min: 0, max: 300 });
  fc.assert(fc.property(fc.nat(), fc.array(step, { minLength: 1, maxLength: 5 }), (seed, steps) => {
    const walk = randomWalk(seed);
    for (const each of steps) assert.deepEqual(walk(each), randomWalk(seed)(each));
  }));
  assert.notDeepEqual(randomWalk(1)(50), randomWalk(2)(50));
});

Deno.test("randomWalk() keeps the number of digits, between half and twice the reference", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 0, max: 20_000 }), (seed, step) => {
      const rates = randomWalk(seed)(step);
      for (const [currency, reference] of Object.entries(referenceRates)) {
        const rate = rates[currency]!;
        assert.match(rate, /^\d+\.\d+$/);
        assert.equal(rate.split(".")[1]!.length, reference.split(".")[1]!.length, currency);
        const ratio = Number(rate) / Number(reference);
        assert.ok(ratio >= 0.5 && ratio <= 2, `${currency} ${rate}`);
      }
    }),
    { numRuns: 20 },
  );
});

Deno.test("walkingQuotes() returns the time of the step, and advances by steps, not by calls", () => {
  const quotes = walkingQuotes({ seed: 7, stepMs: 1_000, startMs: 50_000 });
  assert.equal(quotes.at(50_999).asOfMs, 50_000);
  assert.deepEqual(quotes.at(50_999), quotes.at(50_000));
  const third = quotes.at(53_500);
  assert.equal(third.asOfMs, 53_000);
  assert.deepEqual(third.rates, randomWalk(7)(3));
  assert.deepEqual(quotes.at(53_999), third);
});

Deno.test("walkingQuotes() does not go back before its start when the clock does", () => {
  const quotes = walkingQuotes({ seed: 7, stepMs: 1_000, startMs: 50_000 });
  assert.deepEqual(quotes.at(10), { asOfMs: 50_000, rates: referenceRates });
});
