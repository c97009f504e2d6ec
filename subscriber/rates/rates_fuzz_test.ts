import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { mutatedBytes } from "../../tests/fixtures/mutated_bytes.ts";
import { checkRates, ratesFromJson, ratesToJson } from "./rates.ts";
import { anyCurrency, anyDecimal, anyRates, anyTime, now, Outcomes } from "../../tests/fixtures/arbitraries.ts";

Deno.test("checkRates() gives positive decimals that are their digits, or InvalidRates, for 10,000 records", () => {
  const outcomes = new Outcomes();
  const text = fc.oneof(
    { weight: 9, arbitrary: anyDecimal },
    fc.stringMatching(/^[-+ ]?\d{0,17}[.,eE]?\d{0,20}\n?$/),
    fc.anything(),
    fc.constantFrom("0", "0.00", "000.0"),
  );
  const code = fc.oneof(
    { weight: 30, arbitrary: anyCurrency },
    fc.constantFrom("EUR", "eur", "EURO", "__proto__", "", "USD\n"),
  );
  const record = fc.record({
    base: fc.oneof({ weight: 9, arbitrary: fc.constant("EUR") }, fc.anything({ withBigInt: true })),
    asOfMs: fc.oneof({ weight: 9, arbitrary: anyTime }, fc.double(), fc.anything({ withBigInt: true })),
    rates: fc.dictionary(code, text, { maxKeys: 4 }),
  });
  fc.assert(fc.property(record, (unchecked) => void outcomes.of(() => checkRates(unchecked, now))), {
    numRuns: 10_000,
  });
  outcomes.sawBoth(1_000);
});

const cached = fc.record({ asOfMs: anyTime, rates: anyRates }).map(({ asOfMs, rates }) =>
  JSON.stringify(ratesToJson(checkRates({ base: "EUR", asOfMs, rates }, now)))
);

Deno.test("ratesFromJson() gives what the text says, or InvalidRates, for 10,000 mutated texts", () => {
  const outcomes = new Outcomes();
  const texts = fc.oneof(
    cached,
    mutatedBytes(cached.map((text) => new TextEncoder().encode(text))).map((bytes) => new TextDecoder().decode(bytes)),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const rates = outcomes.of(() => ratesFromJson(text));
      if (!rates) return;
      const stated = JSON.parse(text);
      deepStrictEqual([...rates.perEur].map(([code, rate]) => [code, rate.text]), Object.entries(stated.rates));
      strictEqual(rates.asOfMs, stated.as_of_ms);
    }),
    { numRuns: 10_000 },
  );
  outcomes.sawBoth(1_000);
});

Deno.test("ratesFromJson() refuses whatever is no rates, however deep, in 200 texts", () => {
  const outcomes = new Outcomes();
  const place = fc.constantFrom("base", "as_of_ms", "rates", "USD", "v");
  fc.assert(
    fc.property(place, fc.integer({ min: 1, max: 100_000 }), (key, depth) => {
      const deep = "[".repeat(depth) + "]".repeat(depth);
      const json = { v: 1, base: "EUR", as_of_ms: now, rates: { USD: "1" } };
      const text = JSON.stringify(json, (name, value) => name === key ? "deep" : value).replace('"deep"', deep);
      strictEqual(outcomes.of(() => ratesFromJson(text)), undefined);
    }),
    { numRuns: 200 },
  );
});
