import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import Long from "long";
import { casino } from "../../shared/event/generated/protobuf.js";
import { mutatedMessage } from "../../tests/fixtures/mutated_bytes.ts";
import { wireFields, wireText } from "../../tests/fixtures/wire_format.ts";
import { ratesOfAnswer } from "./client.ts";
import { checkRates } from "./rates.ts";
import { anyRates, now, Outcomes } from "../../tests/fixtures/arbitraries.ts";

const { GetRatesResponse } = casino.rates.v1;

/** What an answer says by protobuf's rules: of a repeated scalar or key the last counts, times are merged. */
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

Deno.test("an answer of the rates API is read just as it stands, or refused, in 20,000 mutated messages", () => {
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
        // gRPC gives the call the status INTERNAL.
        return;
      }
      const rates = outcomes.of(() => ratesOfAnswer(decoded, now));
      if (rates) deepStrictEqual(rates, checkRates(statedIn(body), now));
    }),
    { numRuns: 20_000 },
  );
  outcomes.sawBoth(500);
});
