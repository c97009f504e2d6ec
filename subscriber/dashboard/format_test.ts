import { strictEqual } from "node:assert/strict";
import { clock, count, dateTime, duration, euros, plural, rate, shortDuration } from "./format.js";

Deno.test("count() groups digits, keeps large integers exact, and shows unknown values as a dash", () => {
  strictEqual(count(1_234_567), "1,234,567");
  strictEqual(count("9223372036854775807"), "9,223,372,036,854,775,807");
  strictEqual(count(null), "–");
});

Deno.test("rate() has one decimal below 100", () => {
  strictEqual(rate(7.26), "7.3");
  strictEqual(rate(12), "12");
  strictEqual(rate(4_811.6), "4,812");
});

Deno.test("duration() has two units at most", () => {
  const shown: [number, string][] = [
    ...[[0, "0 ms"], [3.19, "3.1 ms"], [340.4, "340 ms"], [4_250, "4.2 s"], [59_999, "59 s"]] as [number, string][],
    ...[[185_000, "3 min 5 s"], [7_380_000, "2 h 3 min"], [3_600_000, "1 h"], [352_800_000, "4 d 2 h"]] as [
      number,
      string,
    ][],
  ];
  for (const [ms, text] of shown) strictEqual(duration(ms), text);
  strictEqual(duration(undefined), "–");
});

Deno.test("shortDuration() has one unit, which fits a chart's axis", () => {
  const shown = [[340, "340 ms"], [50_000, "50 s"], [100_000, "100 s"], [1_000_000, "17 min"], [9_000_000, "2.5 h"]];
  for (const [ms, text] of shown as [number, string][]) strictEqual(shortDuration(ms), text);
});

Deno.test("euros() is exact for any number of cents", () => {
  strictEqual(euros(123_456), "1,234.56 EUR");
  strictEqual(euros(5), "0.05 EUR");
  strictEqual(euros(-5), "-0.05 EUR");
  strictEqual(euros("9223372036854775807"), "92,233,720,368,547,758.07 EUR");
});

Deno.test("clock() and dateTime() use UTC, and accept invalid times", () => {
  strictEqual(clock("2026-11-24T23:45:07.123Z"), "23:45:07");
  strictEqual(dateTime("2026-11-24T23:45:07.123Z"), "2026-11-24 23:45:07 UTC");
  strictEqual(dateTime(null), "–");
  strictEqual(clock("yesterday"), "–");
});

Deno.test("plural() distinguishes one from many", () => {
  strictEqual(plural(1, "event"), "1 event");
  strictEqual(plural(0, "event"), "0 events");
});
