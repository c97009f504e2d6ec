/** The mock's faults: their type, the flags that set them, and their effect on a call. */
import { status } from "@grpc/grpc-js";
import { type Flag, type Invocation, UsageError } from "../shared/runtime/configuration/command.ts";
import type { Random } from "../shared/runtime/random.ts";
import type { Quote } from "./quotes.ts";

/** Faults as `Faults` in mock_control.proto describes them. Shares are 0 to 1, times in ms. */
export interface Faults {
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly delayShare: number;
  readonly errorShare: number;
  /** A gRPC status code, 1 to 16. */
  readonly errorCode: number;
  readonly wrongShare: number;
  readonly wrongAnswer: WrongAnswer;
  readonly blackHoleShare: number;
}

export const wrongAnswers = ["zero", "negative", "nan", "absurd", "missing-base", "too-many", "old", "empty"] as const;

export type WrongAnswer = (typeof wrongAnswers)[number];

export const noFaults: Faults = {
  ...{ delayMs: 0, jitterMs: 0, delayShare: 0 },
  ...{ errorShare: 0, errorCode: status.UNAVAILABLE },
  ...{ wrongShare: 0, wrongAnswer: "zero" },
  blackHoleShare: 0,
};

/** Longest delay, in ms. */
export const mostDelayMs = 600_000;

/** @throws {RangeError} naming the field that is out of range */
export function checkFaults(faults: Faults): Faults {
  for (const name of ["delayMs", "jitterMs"] as const) {
    const value = faults[name];
    if (!Number.isInteger(value) || value < 0 || value > mostDelayMs) {
      throw new RangeError(`${name} is ${value}, but must be a whole number from 0 to ${mostDelayMs}`);
    }
  }
  for (const name of ["delayShare", "errorShare", "wrongShare", "blackHoleShare"] as const) {
    const value = faults[name];
    if (!(value >= 0 && value <= 1)) throw new RangeError(`${name} is ${value}, but must be from 0 to 1`);
  }
  const { errorCode, errorShare, wrongAnswer, wrongShare, blackHoleShare } = faults;
  if (!Number.isInteger(errorCode) || errorCode < 1 || errorCode > 16) {
    throw new RangeError(`errorCode is ${errorCode}, but must be a gRPC status code from 1 to 16`);
  }
  if (!wrongAnswers.includes(wrongAnswer)) {
    throw new RangeError(`wrongAnswer is ${wrongAnswer}, but must be one of ${wrongAnswers.join(", ")}`);
  }
  // The tolerance is for rounding: decimal shares such as 0.7 + 0.2 + 0.1 may add up to slightly more than 1.
  if (errorShare + wrongShare + blackHoleShare > 1 + 1e-9) {
    throw new RangeError(
      `errorShare ${errorShare}, wrongShare ${wrongShare} and blackHoleShare ${blackHoleShare} exceed 1 together`,
    );
  }
  return faults;
}

type ErrorCode = Exclude<keyof typeof status, "OK">;

const errorCodes = Object.keys(status).filter((name) => /^[A-Z]/.test(name) && name !== "OK") as ErrorCode[];
const share = { value: "SHARE", decimal: { min: 0, max: 1 } } as const;
const delay = { value: "N", integer: { min: 0, max: mostDelayMs } } as const;

/** Shared by `deno task rates-api` and `deno task rates-api:control`. */
export const faultFlags = {
  "delay-ms": { ...delay, help: "answer this late (ms)" },
  "jitter-ms": { ...delay, help: "and up to this much later (ms)" },
  "delay-share": { ...share, help: "delay this share of the calls, 0 to 1 [1 with a delay]" },
  "error-share": { ...share, help: "fail this share of the calls" },
  "error-code": { value: "CODE", choices: errorCodes, help: "with this gRPC status [UNAVAILABLE]" },
  "wrong-share": { ...share, help: "answer this share of the calls wrongly" },
  "wrong-answer": { value: "KIND", choices: wrongAnswers, help: `how: ${wrongAnswers.join(", ")} [zero]` },
  "black-hole-share": { ...share, help: "never answer this share of the calls" },
} as const satisfies Record<string, Flag>;

type FaultFlags = Invocation<typeof faultFlags, never>["flags"];

export function anyFault(flags: FaultFlags): boolean {
  return Object.keys(faultFlags).some((name) => flags[name as keyof FaultFlags] !== undefined);
}

/** @throws {UsageError} for flags that have no effect without another flag, or that contradict each other */
export function faultsOf(flags: FaultFlags): Faults {
  const delayed = flags["delay-ms"] !== undefined || flags["jitter-ms"] !== undefined;
  if (flags["delay-share"] !== undefined && !delayed) throw new UsageError("--delay-share needs --delay-ms");
  if (flags["error-code"] !== undefined && flags["error-share"] === undefined) {
    throw new UsageError("--error-code needs --error-share");
  }
  if (flags["wrong-answer"] !== undefined && flags["wrong-share"] === undefined) {
    throw new UsageError("--wrong-answer needs --wrong-share");
  }
  try {
    return checkFaults({
      delayMs: flags["delay-ms"] ?? 0,
      jitterMs: flags["jitter-ms"] ?? 0,
      delayShare: flags["delay-share"] ?? (delayed ? 1 : 0),
      errorShare: flags["error-share"] ?? 0,
      errorCode: errorCodeOf(flags["error-code"]),
      wrongShare: flags["wrong-share"] ?? 0,
      wrongAnswer: wrongAnswers.find((kind) => kind === flags["wrong-answer"]) ?? noFaults.wrongAnswer,
      blackHoleShare: flags["black-hole-share"] ?? 0,
    });
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

function errorCodeOf(name: string | undefined): status {
  const found = errorCodes.find((code) => code === name);
  return found ? status[found] : noFaults.errorCode;
}

/** The outcome drawn for one call. */
interface Fate {
  readonly delayMs: number;
  readonly ending: "answer" | "error" | "wrong" | "black-hole";
}

export function drawFate(faults: Faults, random: Random): Fate {
  const delayed = random.next() < faults.delayShare;
  const delayMs = delayed ? faults.delayMs + Math.floor(random.next() * (faults.jitterMs + 1)) : 0;
  const draw = random.next();
  const { errorShare, wrongShare, blackHoleShare } = faults;
  if (draw < errorShare) return { delayMs, ending: "error" };
  if (draw < errorShare + wrongShare) return { delayMs, ending: "wrong" };
  if (draw < errorShare + wrongShare + blackHoleShare) return { delayMs, ending: "black-hole" };
  return { delayMs, ending: "answer" };
}

export interface Answer extends Quote {
  readonly base: string;
}

const yearMs = 365 * 24 * 60 * 60 * 1000;
const tooMany = 5_000;

/** Returns the answer made wrong in the given way. */
export function spoil(answer: Answer, how: WrongAnswer): Answer {
  switch (how) {
    case "zero":
      return withAllRates(answer, "0");
    case "negative":
      return withAllRates(answer, "-1.0705");
    case "nan":
      return withAllRates(answer, "NaN");
    case "absurd":
      return withAllRates(answer, "9".repeat(40));
    case "missing-base":
      return { ...answer, base: "" };
    case "too-many":
      return { ...answer, rates: { ...madeUpRates(), ...answer.rates } };
    case "old":
      return { ...answer, asOfMs: answer.asOfMs - yearMs };
    case "empty":
      return { ...answer, rates: {} };
  }
}

/** Replaces every rate: the subscriber would ignore a single wrong rate and use the others. */
function withAllRates(answer: Answer, rate: string): Answer {
  return { ...answer, rates: Object.fromEntries(Object.keys(answer.rates).map((currency) => [currency, rate])) };
}

/** AAA, AAB, AAC … */
function madeUpRates(): Record<string, string> {
  const letter = (index: number) => String.fromCharCode(65 + index % 26);
  return Object.fromEntries(
    Array.from(
      { length: tooMany },
      (_, i) => [letter(Math.floor(i / 676)) + letter(Math.floor(i / 26)) + letter(i), "1"],
    ),
  );
}
