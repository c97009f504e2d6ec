/** The client of the rates API. */
import "../../shared/runtime/deno_workarounds/without_env.ts";
import { Buffer } from "node:buffer";
import { type Client, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { Clock } from "../../shared/runtime/clock.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { casino } from "../../shared/event/generated/protobuf.js";
import { openGrpcClient, problemOf } from "../../shared/grpc/client.ts";
import { traceparentHeader, type Tracing } from "../../shared/runtime/telemetry/tracing.ts";
import type { TlsFiles } from "../../shared/runtime/tls.ts";
import { checkRates, InvalidRates, type Rates } from "./rates.ts";

const { GetRatesRequest, GetRatesResponse } = casino.rates.v1;

export interface RatesApi {
  /**
   * Returns all rates against EUR.
   * @throws {RatesUnavailable} also when the signal is aborted
   */
  fetch(signal: AbortSignal): Promise<Rates>;
}

export interface GrpcRatesApiOptions {
  /** host:port */
  readonly address: string;
  /** The TLS files, read for each call. Without them the call uses no TLS. */
  readonly tls?: TlsFiles | undefined;
  /** host:port of the HTTP proxy to use. */
  readonly proxy?: string | undefined;
  readonly apiKey: string;
  /** Time limit of a call, in ms. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Provides the active span, whose `traceparent` the call sends to the rates API. */
  readonly tracing?: Pick<Tracing, "active" | "inject"> | undefined;
}

/**
 * - `deadline`: the call timed out
 * - `unauthenticated`: the server rejected RATES_API_KEY
 * - `unavailable`: no connection, or the server answered UNAVAILABLE
 * - `failed`: any other status
 * - `invalid-answer`: the answer is unusable
 * - `abandoned`: the signal was aborted
 */
export type RatesFailure = "deadline" | "unauthenticated" | "unavailable" | "failed" | "invalid-answer" | "abandoned";

/** The rates API gave no usable rates. The message names the address and the cause. */
export class RatesUnavailable extends Error {
  override readonly name = "RatesUnavailable";
  constructor(readonly reason: RatesFailure, message: string) {
    super(message);
  }
}

const path = "/casino.rates.v1.RatesService/GetRates";
const mostAnswerBytes = 256 * 1024;

/**
 * Opens one channel for each fetch, about one a minute. A server restart then never closes an idle channel, which
 * crashes some versions of Deno (see ARCHITECTURE.md, "Traps").
 */
export function grpcRatesApi(options: GrpcRatesApiOptions): RatesApi {
  const { address, tls, proxy, apiKey, timeoutMs, clock, tracing } = options;
  return {
    async fetch(signal) {
      if (signal.aborted) throw new RatesUnavailable("abandoned", `the rates API at ${address} ${notWaitedFor}`);
      const client = openClient(address, tls, proxy);
      const metadata = new Metadata();
      metadata.set("x-api-key", apiKey);
      const span = tracing?.active();
      if (span) metadata.set(traceparentHeader, tracing!.inject(span));
      try {
        return ratesOfAnswer(await getRates(client, metadata, timeoutMs, signal), clock.now());
      } catch (error) {
        const [reason, problem] = explain(error, timeoutMs);
        throw new RatesUnavailable(reason, `the rates API at ${address} ${problem}`);
      } finally {
        client.close();
      }
    },
  };
}

function openClient(address: string, tls: TlsFiles | undefined, proxy: string | undefined): Client {
  try {
    const options = { "grpc.max_receive_message_length": mostAnswerBytes, "grpc.enable_retries": 0 };
    return openGrpcClient(address, tls, options, proxy);
  } catch (error) {
    throw new RatesUnavailable("failed", `the rates API at ${address} could not be asked: ${messageOf(error)}`);
  }
}

/**
 * Returns the checked rates of an answer.
 * @param now milliseconds since 1970
 * @throws {InvalidRates}
 */
export function ratesOfAnswer({ base, asOf, rates }: casino.rates.v1.GetRatesResponse, now: number): Rates {
  const asOfMs = Number(asOf?.seconds ?? 0) * 1000 + Math.floor((asOf?.nanos ?? 0) / 1e6);
  return checkRates({ base, asOfMs, rates }, now);
}

/** Rejects with the error of gRPC, or with `{ code }` when this function's timer or the signal ends the call. */
function getRates(client: Client, metadata: Metadata, timeoutMs: number, signal: AbortSignal) {
  return new Promise<casino.rates.v1.GetRatesResponse>((resolve, reject) => {
    const call = client.makeUnaryRequest(
      path,
      (request: casino.rates.v1.GetRatesRequest.$Properties) => Buffer.from(GetRatesRequest.encode(request).finish()),
      (bytes: Buffer) => GetRatesResponse.decode(bytes),
      { base: "EUR", symbols: [] },
      metadata,
      { deadline: Date.now() + timeoutMs },
      (error, answer) => {
        finish();
        if (answer) resolve(answer);
        else reject(error ?? new Error("an answer without content"));
      },
    );
    // In addition to gRPC's deadline, which the library may miss: no fetch outlives this timer.
    const timer = setTimeout(() => end(status.DEADLINE_EXCEEDED), timeoutMs);
    const abandon = () => end(abandoned);
    function end(code: status | typeof abandoned) {
      finish();
      reject({ code });
      call.cancel();
    }
    function finish() {
      clearTimeout(timer);
      signal.removeEventListener("abort", abandon);
    }
    signal.addEventListener("abort", abandon);
  });
}

/** Not a gRPC status: a server may answer CANCELLED by itself. */
const abandoned = "ABANDONED";
const notWaitedFor = "was not waited for: the subscriber is leaving";

function explain(error: unknown, timeoutMs: number): [RatesFailure, string] {
  if (error instanceof InvalidRates) return ["invalid-answer", `gave an answer that is refused: ${error.message}`];
  const { code, details } = error as Partial<ServiceError> | { code: typeof abandoned; details?: string };
  switch (code) {
    case abandoned:
      return ["abandoned", notWaitedFor];
    case status.DEADLINE_EXCEEDED:
      return ["deadline", `did not answer within RATES_CALL_TIMEOUT_MS=${timeoutMs}`];
    case status.UNAUTHENTICATED:
      return ["unauthenticated", `refuses RATES_API_KEY: ${details}`];
    case status.UNAVAILABLE:
      return ["unavailable", `cannot be reached or is not ready: ${problemOf(details ?? "no reason given")}`];
    case undefined:
      return ["failed", `could not be asked: ${messageOf(error)}`];
    default:
      return ["failed", `failed with ${status[code]}: ${details}`];
  }
}
