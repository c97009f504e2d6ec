import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { anyTimestamp } from "../../tests/fixtures/arbitraries.ts";
import { formatMs, formatTimestamp, isTimestamp, msOfTimestamp, parseTimestamp, timestampOfMs } from "./timestamp.ts";

Deno.test("parseTimestamp() reverses formatTimestamp(), to the nanosecond", () => {
  fc.assert(
    fc.property(anyTimestamp, (timestamp) => {
      deepStrictEqual(parseTimestamp(formatTimestamp(timestamp)), timestamp);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("formatTimestamp() writes 0, 3, 6 or 9 digits of a second", () => {
  const of = (nanos: number) => formatTimestamp({ seconds: 0, nanos });
  deepStrictEqual([0, 250_000_000, 1_000, 1].map(of), [
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00.250Z",
    "1970-01-01T00:00:00.000001Z",
    "1970-01-01T00:00:00.000000001Z",
  ]);
  strictEqual(formatTimestamp({ seconds: -62_135_596_800, nanos: 0 }), "0001-01-01T00:00:00Z");
});

Deno.test("parseTimestamp() reads offsets, lower case and fractions of RFC 3339", () => {
  const noon = { seconds: 1_641_816_000, nanos: 0 };
  for (
    const text of [
      "2022-01-10T12:00:00Z",
      "2022-01-10t12:00:00z",
      "2022-01-10T13:00:00+01:00",
      "2022-01-10T02:30:00-09:30",
    ]
  ) {
    deepStrictEqual(parseTimestamp(text), noon, text);
  }
  deepStrictEqual(parseTimestamp("2022-01-10T12:00:00.5Z"), { ...noon, nanos: 500_000_000 });
  deepStrictEqual(parseTimestamp("1969-12-31T23:59:59.25Z"), { seconds: -1, nanos: 250_000_000 });
});

Deno.test("parseTimestamp() rejects other texts", () => {
  const wrong = [
    "",
    "2022-01-10",
    "2022-01-10T12:00Z",
    "2022-01-10T12:00:00",
    "2022-01-10 12:00:00Z",
    "2022-02-30T00:00:00Z",
    "2022-13-01T00:00:00Z",
    "2022-01-10T24:00:00Z",
    "2022-01-10T23:59:60Z",
    "2022-01-10T12:00:00.Z",
    "2022-01-10T12:00:00.0123456789Z",
    "2022-01-10T12:00:00+24:00",
    "2022-01-10T12:00:00+01:60",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-01:00",
    "10000-01-01T00:00:00Z",
  ];
  for (const text of wrong) strictEqual(parseTimestamp(text), undefined, text);
});

Deno.test("parseTimestamp() subtracts any offset from any local time", () => {
  const minutes = fc.integer({ min: -(23 * 60 + 59), max: 23 * 60 + 59 });
  fc.assert(
    fc.property(anyTimestamp, minutes, (timestamp, offset) => {
      const local = formatTimestamp(timestamp).slice(0, -1);
      const sign = offset < 0 ? "-" : "+";
      const [hour, minute] = [Math.trunc(Math.abs(offset) / 60), Math.abs(offset) % 60];
      const text = `${local}${sign}${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
      const utc = { seconds: timestamp.seconds - offset * 60, nanos: timestamp.nanos };
      deepStrictEqual(parseTimestamp(text), isTimestamp(utc) ? utc : undefined, text);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("parseTimestamp() knows the days of each month, and leap years", () => {
  for (let month = 1; month <= 12; month++) {
    for (const year of [1900, 2000, 2023, 2024]) {
      const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
      const date = (day: number) => `${year}-${String(month).padStart(2, "0")}-${day}T00:00:00Z`;
      deepStrictEqual(parseTimestamp(date(days)), { seconds: Date.UTC(year, month - 1, days) / 1000, nanos: 0 });
      strictEqual(parseTimestamp(date(days + 1)), undefined, date(days + 1));
    }
  }
});

Deno.test("isTimestamp() accepts whole numbers from year 1 to year 9999", () => {
  const [first, last] = [-62_135_596_800, 253_402_300_799];
  for (const seconds of [first, 0, last]) strictEqual(isTimestamp({ seconds, nanos: 999_999_999 }), true);
  for (const seconds of [first - 1, last + 1, 0.5, NaN, Infinity]) {
    strictEqual(isTimestamp({ seconds, nanos: 0 }), false, `${seconds} s`);
  }
  for (const nanos of [-1, 1_000_000_000, 0.5, NaN]) {
    strictEqual(isTimestamp({ seconds: 0, nanos }), false, `${nanos} ns`);
  }
});

Deno.test("timestampOfMs() and msOfTimestamp() agree on the millisecond, also before 1970, and truncate fractions", () => {
  const ms = fc.oneof(
    fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }),
    fc.double({ min: -62_135_596_800_000, max: 253_402_300_799_999, noNaN: true }),
  );
  fc.assert(
    fc.property(ms, (ms) => {
      const timestamp = timestampOfMs(ms);
      strictEqual(isTimestamp(timestamp), true, JSON.stringify(timestamp));
      strictEqual(msOfTimestamp(timestamp), Math.floor(ms) + 0, "adding 0 makes -0 to 0");
    }),
    { numRuns: 5_000, examples: [[-1], [999.9999999999], [-1e-20], [1_641_816_000_999.9999]] },
  );
});

Deno.test("formatMs() equals Date.toISOString() for every valid time", () => {
  const ends = [0, -1, 999, 86_399_999, 86_400_000, -8.64e15, 8.64e15];
  for (const ms of ends) strictEqual(formatMs(ms), new Date(ms).toISOString());
  fc.assert(
    fc.property(fc.date({ noInvalidDate: true }), (date) => strictEqual(formatMs(date.getTime()), date.toISOString())),
    { numRuns: 10_000 },
  );
  throws(() => formatMs(NaN), RangeError);
});
