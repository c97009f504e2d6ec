/** casino.rates.v1.MockControlService: the mock's call counts, and its faults as messages of mock_control.proto. */
import { type Metadata, type Server, status } from "@grpc/grpc-js";
import Long from "long";
import type { Log } from "../shared/runtime/telemetry/log.ts";
import { checkFaults, type Faults, noFaults, wrongAnswers } from "./faults.ts";
import { casino } from "./generated/protobuf.js";
import { type Call, RpcError, serveUnary } from "./unary.ts";

const {
  SetFaultsRequest,
  SetFaultsResponse,
  GetStatsRequest,
  GetStatsResponse,
  ResetStatsRequest,
  ResetStatsResponse,
} = casino.rates.v1;

/** The parts of the mock that the service controls. */
export interface Mock {
  setFaults(faults: Faults): void;
  stats(): Stats;
  resetStats(): void;
}

/** The mock's counts and the faults that are set. */
export interface Stats extends Counts {
  readonly faults: Faults;
}

export const controlService = "casino.rates.v1.MockControlService";

export function addControlService(
  server: Server,
  mock: Mock,
  requireKey: (metadata: Metadata) => void,
  log: Log,
): void {
  const service = `/${controlService}`;
  const guarded = <Q, A>(handle: (request: Q, peer: string) => A) => ({ request, metadata, peer }: Call<Q>): A => {
    requireKey(metadata);
    return handle(request, peer);
  };
  serveUnary(server, {
    path: `${service}/SetFaults`,
    request: SetFaultsRequest,
    answer: SetFaultsResponse,
    handle: guarded(({ faults }: casino.rates.v1.SetFaultsRequest, peer) => {
      mock.setFaults(checked(faults));
      log.info("An act has ended", { event: "act.ended", who: "RATES_CONTROL_KEY", act: "set-faults", peer });
      return { faults: faultsToMessage(mock.stats().faults) };
    }),
  }, log);
  serveUnary(server, {
    path: `${service}/GetStats`,
    request: GetStatsRequest,
    answer: GetStatsResponse,
    handle: guarded(() => statsToMessage(mock.stats())),
  }, log);
  serveUnary(server, {
    path: `${service}/ResetStats`,
    request: ResetStatsRequest,
    answer: ResetStatsResponse,
    handle: guarded(() => {
      mock.resetStats();
      return {};
    }),
  }, log);
}

function checked(faults: casino.rates.v1.Faults.$Properties | null | undefined): Faults {
  try {
    return checkFaults(faultsFromMessage(faults));
  } catch (error) {
    if (error instanceof RangeError) throw new RpcError(status.INVALID_ARGUMENT, error.message);
    throw error;
  }
}

/** How a call of GetRates ended; `GetStatsResponse` in mock_control.proto describes each value. */
export type Ending = "answered" | "failed" | "answeredWrongly" | "givenUp" | "unauthenticated" | "invalid";

export type Counts = Readonly<Record<"calls" | "inFlight" | Ending, number>>;

/** Counts each call once: as in flight, then under its ending. */
export class CallCounts {
  #inFlight = 0;
  #ended = noneEnded();

  begin(): void {
    this.#inFlight++;
  }

  end(ending: Ending): void {
    this.#inFlight--;
    this.#ended[ending]++;
  }

  /** Sets the counts of ended calls to zero; calls in flight stay counted. */
  reset(): void {
    this.#ended = noneEnded();
  }

  get counts(): Counts {
    const ended = Object.values(this.#ended).reduce((sum, count) => sum + count, 0);
    return { calls: this.#inFlight + ended, inFlight: this.#inFlight, ...this.#ended };
  }
}

function noneEnded(): Record<Ending, number> {
  return { answered: 0, failed: 0, answeredWrongly: 0, givenUp: 0, unauthenticated: 0, invalid: 0 };
}

type FaultsMessage = casino.rates.v1.Faults.$Properties;
type StatsMessage = casino.rates.v1.GetStatsResponse.$Properties;

export function faultsToMessage({ wrongAnswer, ...faults }: Faults): FaultsMessage {
  // The enum lists the kinds in the same order, after its zero value.
  return { ...faults, wrongAnswer: wrongAnswers.indexOf(wrongAnswer) + 1 };
}

/**
 * Does not check ranges. A missing error code or kind of wrong answer is taken from {@linkcode noFaults}.
 * @throws {RangeError} when the kind of wrong answer does not exist
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

function statsToMessage({ faults, ...counts }: Stats): StatsMessage {
  const longs = Object.fromEntries(countNames.map((name) => [name, Long.fromNumber(counts[name], true)]));
  return { ...longs, faults: faultsToMessage(faults) };
}

export function statsFromMessage(message: StatsMessage): Stats {
  const counts = Object.fromEntries(countNames.map((name) => [name, Number(message[name] ?? 0)]));
  return { ...counts as Counts, faults: faultsFromMessage(message.faults) };
}
