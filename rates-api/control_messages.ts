/** Faults and counts, as mock_control.proto carries them. */
import Long from "long";
import type { Counts } from "./call_counts.ts";
import { type Faults, noFaults, wrongAnswers } from "./faults.ts";
import { casino } from "./generated/protobuf.js";

type FaultsMessage = casino.rates.v1.Faults.$Properties;
type StatsMessage = casino.rates.v1.GetStatsResponse.$Properties;

/** What the mock tells: its counts, and the faults that are set. */
export interface Stats extends Counts {
  readonly faults: Faults;
}

export function faultsToMessage({ wrongAnswer, ...faults }: Faults): FaultsMessage {
  // The enum has the same order, after its zero.
  return { ...faults, wrongAnswer: wrongAnswers.indexOf(wrongAnswer) + 1 };
}

/**
 * Not yet checked for ranges. Where no code or no kind of wrong answer is given, they are those of {@linkcode noFaults}.
 * @throws {RangeError} for a kind of wrong answer that does not exist
 */
export function faultsFromMessage(message: FaultsMessage | null | undefined): Faults {
  const kind = message?.wrongAnswer ?? 0;
  const wrongAnswer = kind === 0 ? noFaults.wrongAnswer : wrongAnswers[kind - 1];
  if (wrongAnswer === undefined) throw new RangeError(`wrong_answer is ${kind}, which is no WrongAnswer`);
  return {
    delayMs: message?.delayMs ?? 0,
    jitterMs: message?.jitterMs ?? 0,
    delayShare: message?.delayShare ?? 0,
    errorShare: message?.errorShare ?? 0,
    errorCode: message?.errorCode || noFaults.errorCode,
    wrongShare: message?.wrongShare ?? 0,
    wrongAnswer,
    blackHoleShare: message?.blackHoleShare ?? 0,
  };
}

const countNames = [
  ...["calls", "inFlight", "answered", "failed", "answeredWrongly", "givenUp", "unauthenticated", "invalid"] as const,
];

export function statsToMessage({ faults, ...counts }: Stats): StatsMessage {
  const longs = Object.fromEntries(countNames.map((name) => [name, Long.fromNumber(counts[name], true)]));
  return { ...longs, faults: faultsToMessage(faults) };
}

export function statsFromMessage(message: StatsMessage): Stats {
  const counts = Object.fromEntries(countNames.map((name) => [name, Number(message[name] ?? 0)]));
  return { ...counts as Counts, faults: faultsFromMessage(message.faults) };
}
