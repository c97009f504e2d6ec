/** casino.rates.v1.RatesService */
import { type Metadata, type Server, status } from "@grpc/grpc-js";
import Long from "long";
import type { Clock } from "../shared/runtime/clock.ts";
import { untilAborted } from "../shared/runtime/deadline.ts";
import { casino } from "../shared/event/generated/protobuf.js";
import type { Random } from "../shared/runtime/random.ts";
import type { Log } from "../shared/runtime/telemetry/log.ts";
import type { Tracing } from "../shared/runtime/telemetry/tracing.ts";
import { timestampOfMs } from "../shared/event/timestamp.ts";
import type { CallCounts, Ending } from "./control_service.ts";
import { type Answer, drawFate, type Faults, spoil } from "./faults.ts";
import type { Quotes } from "./quotes.ts";
import { type Call, RpcError, serveUnary, traced } from "./unary.ts";

const { GetRatesRequest, GetRatesResponse } = casino.rates.v1;

export interface RatesServiceOptions {
  readonly requireKey: (metadata: Metadata) => void;
  readonly quotes: Quotes;
  /** Called for each call of GetRates. */
  readonly faults: () => Faults;
  readonly counts: CallCounts;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
  readonly tracing?: Tracing | undefined;
}

export function addRatesService(server: Server, options: RatesServiceOptions): void {
  const { requireKey, quotes, faults, counts, random, clock, log, tracing } = options;

  async function getRates({ request, metadata, signal }: Call<casino.rates.v1.GetRatesRequest>) {
    counts.begin();
    let ending: Ending = "givenUp";
    try {
      ending = "unauthenticated";
      requireKey(metadata);
      ending = "invalid";
      checkRequest(request, quotes.at(clock.now()).rates);

      ending = "givenUp";
      const { errorCode, wrongAnswer } = faults();
      const fate = drawFate(faults(), random);
      if (fate.delayMs > 0) await clock.sleep(fate.delayMs, signal);
      if (fate.ending === "black-hole") await untilAborted(signal);
      signal.throwIfAborted();

      if (fate.ending === "error") {
        ending = "failed";
        throw new RpcError(errorCode, "this failure was asked for");
      }
      const answer = select({ base: "EUR", ...quotes.at(clock.now()) }, request.symbols);
      ending = fate.ending === "wrong" ? "answeredWrongly" : "answered";
      return toMessage(fate.ending === "wrong" ? spoil(answer, wrongAnswer) : answer);
    } finally {
      counts.end(ending);
      log.debug("GetRates", { ending });
    }
  }

  const method = {
    path: "/casino.rates.v1.RatesService/GetRates",
    request: GetRatesRequest,
    answer: GetRatesResponse,
    handle: getRates,
  };
  serveUnary(server, traced(method, tracing), log);
}

function checkRequest({ base, symbols }: casino.rates.v1.GetRatesRequest, served: Readonly<Record<string, string>>) {
  if (base !== "EUR") {
    throw new RpcError(status.INVALID_ARGUMENT, `base ${quoted(base)} is not served: only "EUR" is`);
  }
  const unknown = symbols.find((symbol) => !Object.hasOwn(served, symbol));
  if (unknown !== undefined) {
    throw new RpcError(
      status.INVALID_ARGUMENT,
      `symbol ${quoted(unknown)} is not served: those are ${Object.keys(served).join(", ")}`,
    );
  }
}

function select(answer: Answer, symbols: readonly string[]): Answer {
  if (symbols.length === 0) return answer;
  return { ...answer, rates: Object.fromEntries(symbols.map((symbol) => [symbol, answer.rates[symbol]!])) };
}

function toMessage({ base, asOfMs, rates }: Answer): casino.rates.v1.GetRatesResponse.$Properties {
  const { seconds, nanos } = timestampOfMs(asOfMs);
  return { base, asOf: { seconds: Long.fromNumber(seconds), nanos }, rates: { ...rates } };
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
