import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import Long from "long";
import { casino } from "../../shared/event/generated/protobuf.js";
import { anyCurrency, anyDecimal, anyRates, anyTime, now, Outcomes } from "../../tests/fixtures/arbitraries.ts";
import { mutatedBytes, mutatedMessage } from "../../tests/fixtures/mutated_bytes.ts";
import { wireFields, wireText } from "../../tests/fixtures/wire_format.ts";
import { ratesOfAnswer } from "./client.ts";
import { checkRates, ratesFromJson, ratesToJson } from "./rates.ts";

Deno.test("checkRates() returns positive decimals equal to their digits, or InvalidRates, for 10,000 records", () => {
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

Deno.test("ratesFromJson() returns the rates of the text, or InvalidRates, for 10,000 mutated texts", () => {
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

Deno.test("ratesFromJson() rejects invalid rates at any depth, in 200 texts", () => {
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

const { GetRatesResponse } = casino.rates.v1;

/** Returns what an answer states by protobuf's rules: the last of a repeated scalar or key counts, times are merged. */
function statedIn(body: Uint8Array) {
  let [base, seconds, nanos] = ["", 0n, 0n];
  const rates = new Map<string, string>();
  for (const { number, wireType, content } of wireFields(body)) {
    if (wireType !== 2) continue;
    const inner = number === 2 || number === 3 ? wireFields(content) : [];
    if (number === 1) base = wireText(content);
    if (number === 2) {
      for (const field of inner) {
        if (field.wireType === 0 && field.number === 1) seconds = BigInt.asIntN(64, field.varint!);
        if (field.wireType === 0 && field.number === 2) nanos = BigInt.asIntN(32, field.varint!);
      }
    }
    if (number === 3) {
      const texts = inner.filter((field) => field.wireType === 2 && field.number <= 2).map((
        field,
      ) => [field.number, wireText(field.content)]);
      const { 1: code = "", 2: text = "" } = Object.fromEntries(texts);
      rates.set(code, text);
    }
  }
  return { base, asOfMs: Number(seconds * 1000n) + Math.floor(Number(nanos) / 1e6), rates: Object.fromEntries(rates) };
}

Deno.test("an answer of the rates API is read as it stands, or refused, in 20,000 mutated messages", () => {
  const outcomes = new Outcomes();
  const answer = fc.record({
    seconds: fc.integer({ min: 1, max: now / 1000 }).map((seconds) => Long.fromNumber(seconds)),
    nanos: fc.nat({ max: 999_999_999 }),
    rates: anyRates,
  })
    .map(({ rates, ...asOf }) => GetRatesResponse.encode({ base: "EUR", asOf, rates }).finish());
  fc.assert(
    fc.property(fc.oneof(answer, mutatedMessage(answer)), (body) => {
      let decoded;
      try {
        decoded = GetRatesResponse.decode(body);
      } catch {
        // gRPC ends such a call with status INTERNAL.
        return;
      }
      const rates = outcomes.of(() => ratesOfAnswer(decoded, now));
      if (rates) deepStrictEqual(rates, checkRates(statedIn(body), now));
    }),
    { numRuns: 20_000 },
  );
  outcomes.sawBoth(500);
});
