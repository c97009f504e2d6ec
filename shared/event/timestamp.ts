/** An instant with nanoseconds, as protobuf's `Timestamp`; a `Date` would round to milliseconds. */
export interface Timestamp {
  /** Seconds since 1970-01-01T00:00:00Z, in the years 1 to 9999. */
  readonly seconds: number;
  /** 0 to 999,999,999; counts forward in time, also before 1970. */
  readonly nanos: number;
}

/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: the range of google.protobuf.Timestamp. */
const [firstSecond, lastSecond] = [-62_135_596_800, 253_402_300_799];

export function isTimestamp({ seconds, nanos }: Timestamp): boolean {
  return Number.isInteger(seconds) && seconds >= firstSecond && seconds <= lastSecond &&
    Number.isInteger(nanos) && nanos >= 0 && nanos <= 999_999_999;
}

/** @param ms milliseconds since 1970, rounded down to an integer: a fraction could carry nanos past their range */
export function timestampOfMs(ms: number): Timestamp {
  const whole = Math.floor(ms);
  const seconds = Math.floor(whole / 1000);
  return { seconds, nanos: (whole - seconds * 1000) * 1_000_000 };
}

/** Returns milliseconds since 1970, rounded down. */
export function msOfTimestamp({ seconds, nanos }: Timestamp): number {
  return seconds * 1000 + Math.floor(nanos / 1e6);
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|([+-])(\d\d):(\d\d))$/;

/** Parses RFC 3339 with up to nine fractional digits. Returns `undefined` for any other text, leap seconds included. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = rfc3339.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "", , sign, offsetHour = "0", offsetMinute = "0"] = match;
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  // Date accepts 24:00 and turns February 30th into March 1st or 2nd: such text fails this round trip.
  if (
    Number.isNaN(date.getTime()) ||
    date.toISOString().slice(0, 19) !== `${year}-${month}-${day}T${hour}:${minute}:${second}`
  ) {
    return undefined;
  }
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined;
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60 * (sign === "-" ? -1 : 1);
  const timestamp = { seconds: date.getTime() / 1000 - offset, nanos: Number(fraction.padEnd(9, "0")) };
  return isTimestamp(timestamp) ? timestamp : undefined;
}

/** Cache: many events have the same second as the previous one. */
let last = { seconds: NaN, text: "" };

/** Formats as RFC 3339 in UTC with 0, 3, 6 or 9 fractional digits, as protobuf's JSON mapping does. */
export function formatTimestamp({ seconds, nanos }: Timestamp): string {
  if (seconds !== last.seconds) last = { seconds, text: new Date(seconds * 1000).toISOString().slice(0, 19) };
  const whole = last.text;
  if (nanos === 0) return `${whole}Z`;
  const digits = String(nanos).padStart(9, "0");
  return `${whole}.${digits.replace(/(?:000){1,2}$/, "")}Z`;
}

/** Cache by days since 1970: times in any order fall on few days. */
const dates = new Map<number, string>();
const mostDates = 4_000;
const twoDigits = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, "0"));

/**
 * Formats whole milliseconds since 1970 as `Date.toISOString` does, in a fifth of its time.
 * @throws {RangeError} outside the range of `Date`
 */
export function formatMs(ms: number): string {
  const day = Math.floor(ms / 86_400_000);
  let date = dates.get(day);
  if (date === undefined) {
    date = new Date(day * 86_400_000).toISOString().split("T")[0]!;
    if (dates.size === mostDates) dates.clear();
    dates.set(day, date);
  }
  const ofDay = ms - day * 86_400_000;
  const seconds = Math.floor(ofDay / 1000);
  const [hour, minute] = [twoDigits[Math.floor(seconds / 3600)], twoDigits[Math.floor(seconds / 60) % 60]];
  return `${date}T${hour}:${minute}:${twoDigits[seconds % 60]}.${String(ofDay % 1000).padStart(3, "0")}Z`;
}
