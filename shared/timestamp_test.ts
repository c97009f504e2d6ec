import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { anyTimestamp } from "./testing/arbitrary_event.ts";
import { formatTimestamp, isTimestamp, msOfTimestamp, parseTimestamp, timestampOfMs } from "./timestamp.ts";

Deno.test("parseTimestamp() reads what formatTimestamp() writes, to the nanosecond", () => {
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

Deno.test("parseTimestamp() refuses what is no such time", () => {
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

Deno.test("timestampOfMs() and msOfTimestamp() agree, also before 1970", () => {
  for (const ms of [0, 1, -1, 1_641_816_000_123, -62_135_596_800_000]) {
    strictEqual(msOfTimestamp(timestampOfMs(ms)), ms);
    strictEqual(isTimestamp(timestampOfMs(ms)), true);
  }
});
