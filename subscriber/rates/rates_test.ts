import assert from "node:assert/strict";
import fc from "fast-check";
import { checkRates, InvalidRates, ratesFromJson, ratesToJson, type UncheckedRates } from "./rates.ts";

const now = Date.UTC(2024, 6, 1);
const good = { base: "EUR", asOfMs: now, rates: { USD: "1.0705", JPY: "171.94", BTC: "0.0000176", EUR: "1" } };

const symbol = fc.string({ unit: fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"), minLength: 3, maxLength: 3 })
  .filter((text) => text !== "EUR");
const rate = fc.tuple(
  fc.bigInt({ min: 1n, max: 10n ** 15n - 1n }),
  fc.integer({ min: 0, max: 18 }),
  fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }),
)
  .map(([whole, digits, fraction]) =>
    digits === 0 ? `${whole}` : `${whole}.${`${fraction}`.padStart(18, "0").slice(0, digits)}`
  );
const answers = fc.record({
  base: fc.constant("EUR"),
  asOfMs: fc.integer({ min: 1, max: now }),
  rates: fc.dictionary(symbol, rate, { minKeys: 1, maxKeys: 40, noNullPrototype: true }),
}, { noNullPrototype: true });

Deno.test("checkRates() keeps every digit: text, units and scale", () => {
  const { asOfMs, perEur } = checkRates(good, now);
  assert.equal(asOfMs, now);
  assert.deepEqual(perEur.get("USD"), { text: "1.0705", units: 10_705n, scale: 4 });
  assert.deepEqual(perEur.get("BTC"), { text: "0.0000176", units: 176n, scale: 7 });
  assert.equal(perEur.size, 4);
});

Deno.test("checkRates() accepts every answer of positive decimals, with units equal to the text", () => {
  fc.assert(fc.property(answers, (answer) => {
    for (const [currency, { text, units, scale }] of checkRates(answer, now).perEur) {
      assert.equal(text, answer.rates[currency]);
      const digits = String(units).padStart(scale + 1, "0");
      const back = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
      assert.equal(back, text);
    }
  }));
});

const refused: [string, Partial<UncheckedRates>, RegExp][] = [
  ["another base", { base: "USD" }, /base is "USD", not EUR/],
  ["a base that cannot be written as JSON", { base: { rate: 1n } }, /base is an object, not EUR/],
  ["no base", { base: "" }, /base is "", not EUR/],
  ["no time", { asOfMs: 0 }, /the rates have no time/],
  ["a time beyond whole numbers", { asOfMs: Number.MAX_SAFE_INTEGER + 1 }, /the rates have no time/],
  ["a time that is not a number", { asOfMs: NaN }, /the rates have no time/],
  ["a time more than a day ahead", { asOfMs: now + 86_400_001 }, /more than a day in the future/],
  ["no rates", { rates: {} }, /no rates/],
  ["more than 1,000 rates", { rates: manyRates(1_001) }, /1001 rates; the limit is 1000/],
  ["a currency in lower case", { rates: { usd: "1" } }, /"usd" is not a currency code/],
  ["a currency of four letters", { rates: { USDT: "1" } }, /"USDT" is not a currency code/],
  ["zero", { rates: { USD: "0.00" } }, /rate of USD is zero/],
  ["a negative rate", { rates: { USD: "-1.07" } }, /rate of USD is "-1.07"/],
  ["NaN", { rates: { USD: "NaN" } }, /rate of USD is "NaN"/],
  ["an exponent beyond all rates", { rates: { USD: "1e30" } }, /rate of USD is "1e30"/],
  ["an exponent of no digits", { rates: { USD: "1e" } }, /rate of USD is "1e"/],
  ["a number instead of text", { rates: { USD: 1.07 } }, /rate of USD is 1.07/],
  ["an empty rate", { rates: { USD: "" } }, /rate of USD is ""/],
  ["a point without digits", { rates: { USD: "1." } }, /rate of USD is "1\."/],
  ["a line break after the digits", { rates: { USD: "1.07\n" } }, /rate of USD is "1\.07\\n"/],
  ["digits of another script", { rates: { USD: "١" } }, /rate of USD is "١"/],
  ["16 digits before the point", { rates: { USD: "1234567890123456" } }, /rate of USD/],
  ["19 digits after the point", { rates: { USD: "1.1234567890123456789" } }, /rate of USD/],
  ["EUR at another rate than 1", { rates: { EUR: "1.01" } }, /EUR in EUR is 1.01, not 1/],
];
for (const [what, part, message] of refused) {
  Deno.test(`checkRates() rejects ${what}`, () => {
    assert.throws(
      () => checkRates({ ...good, ...part }, now),
      (error) => error instanceof InvalidRates && message.test(error.message),
    );
  });
}

Deno.test("checkRates() accepts 1,000 rates, EUR at 1.000, and a clock that is a day late", () => {
  assert.equal(checkRates({ ...good, rates: manyRates(1_000) }, now).perEur.size, 1_000);
  checkRates({ ...good, rates: { EUR: "1.000" } }, now);
  checkRates({ ...good, asOfMs: now + 86_400_000 }, now);
});

Deno.test("checkRates() omits and names one entry that is wrong, and rejects an answer with mostly wrong ones", () => {
  const wrongRate = fc.oneof(
    fc.constantFrom(...["0", "-1", "NaN", "Infinity", "", " 1", "1 ", "0x10", "1,07", "9".repeat(40)]),
    fc.constantFrom(null, undefined, 1, {}, []),
    fc.string().filter((text) => !/^\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)),
  );
  fc.assert(fc.property(answers, wrongRate, fc.nat(), fc.nat(), (answer, wrong, at, more) => {
    const currencies = Object.keys(answer.rates);
    const count = 1 + more % currencies.length;
    const spoilt = currencies.map((_, i) => currencies[(at + i) % currencies.length]!).slice(0, count);
    const rates = { ...answer.rates, ...Object.fromEntries(spoilt.map((currency) => [currency, wrong])) };
    if (count * 2 <= currencies.length) {
      const { perEur, leftOut = [] } = checkRates({ ...answer, rates }, now);
      assert.deepEqual([...perEur.keys()].sort(), currencies.filter((currency) => !spoilt.includes(currency)).sort());
      assert.equal(leftOut.length, count);
      for (const currency of spoilt) assert.ok(leftOut.some((sentence) => sentence.includes(currency)));
      return;
    }
    assert.throws(
      () => checkRates({ ...answer, rates }, now),
      (error) =>
        error instanceof InvalidRates && /rates cannot be used/.test(error.message) && error.message.length < 200,
    );
  }));
});

Deno.test("checkRates() omits USDT, and knows Bitcoin's rate with an exponent to the digit", () => {
  const rates = { ...good.rates, USDT: "1.07", BTC: "1.6e-05", JPY: "1.7194E+2", IDR: "1748721e-2", KRW: "15E2" };
  const { perEur, leftOut } = checkRates({ ...good, rates }, now);
  assert.deepEqual(leftOut, ['"USDT" is not a currency code']);
  assert.deepEqual(perEur.get("BTC"), { text: "0.000016", units: 16n, scale: 6 });
  assert.deepEqual(perEur.get("JPY"), { text: "171.94", units: 17_194n, scale: 2 });
  assert.deepEqual(perEur.get("IDR"), { text: "17487.21", units: 1_748_721n, scale: 2 });
  assert.deepEqual(perEur.get("KRW"), { text: "1500", units: 1_500n, scale: 0 });
});

Deno.test("checkRates() reads 5,000 rates the same with and without an exponent", () => {
  fc.assert(
    fc.property(rate, fc.integer({ min: -12, max: 12 }), (plain, places) => {
      const given = checkRates({ ...good, rates: { USD: plain } }, now).perEur.get("USD")!;
      const [whole = "", fraction = ""] = plain.split(".");
      // The same number: the point moved, and an exponent that moves it back.
      const digits = `${"0".repeat(12)}${whole}${fraction}${"0".repeat(12)}`;
      const point = 12 + whole.length + places;
      const text = `${digits.slice(0, point)}.${digits.slice(point)}e${-places}`;
      if (!/^\d{1,40}\.\d{1,40}e/.test(text)) return;
      const { units, scale } = checkRates({ ...good, rates: { USD: text } }, now).perEur.get("USD")!;
      assert.equal(units * 10n ** BigInt(given.scale), given.units * 10n ** BigInt(scale), text);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("ratesFromJson() reverses ratesToJson(), digit for digit", () => {
  fc.assert(fc.property(answers, (answer) => {
    const rates = checkRates(answer, now);
    assert.deepEqual(ratesFromJson(JSON.stringify(ratesToJson(rates))), rates);
  }));
});

Deno.test("ratesFromJson() rejects text that is cut, wrong, or of another version", () => {
  const json = ratesToJson(checkRates(good, now)) as Record<string, unknown>;
  const text = JSON.stringify(json);
  const broken = [
    ...[text.slice(0, -1), "", "null", "[]", "1"],
    JSON.stringify({ ...json, v: 2 }),
    JSON.stringify({ ...json, base: "USD" }),
    JSON.stringify({ ...json, rates: null }),
    JSON.stringify({ ...json, rates: { USD: 1.07 } }),
    JSON.stringify({ ...json, as_of_ms: "yesterday" }),
  ];
  for (const each of broken) assert.throws(() => ratesFromJson(each), InvalidRates, each);
});

function manyRates(count: number): Record<string, string> {
  const letter = (index: number) => String.fromCharCode(65 + index % 26);
  return Object.fromEntries(
    Array.from(
      { length: count },
      (_, i) => [`${letter(Math.floor(i / 676))}${letter(Math.floor(i / 26))}${letter(i)}`, "1"],
    ),
  );
}
