import { status } from "@grpc/grpc-js";
import { type Flag, type Invocation, UsageError } from "../shared/runtime/configuration/command.ts";
import { checkFaults, type Faults, mostDelayMs, noFaults, wrongAnswers } from "./faults.ts";

type ErrorCode = Exclude<keyof typeof status, "OK">;

const errorCodes = Object.keys(status).filter((name) => /^[A-Z]/.test(name) && name !== "OK") as ErrorCode[];
const share = { value: "SHARE", decimal: { min: 0, max: 1 } } as const;
const delay = { value: "N", integer: { min: 0, max: mostDelayMs } } as const;

/** The faults of the mock, for the command that starts it and the one that controls it. */
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

/** True if any fault was named. */
export function anyFault(flags: FaultFlags): boolean {
  return Object.keys(faultFlags).some((name) => flags[name as keyof FaultFlags] !== undefined);
}

/** @throws {UsageError} for flags that mean nothing, or contradict each other, together */
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
