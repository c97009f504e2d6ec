/** The rates API, seen from the subscriber. */
import "../../shared/without_env.ts";
import { Buffer } from "node:buffer";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { Clock } from "../../shared/clock.ts";
import { casino } from "../../shared/generated/protobuf.js";
import { checkRates, InvalidRates, type Rates } from "./rates.ts";

const { GetRatesRequest, GetRatesResponse } = casino.rates.v1;

export interface RatesApi {
  /**
   * All rates against EUR.
   * @throws {RatesUnavailable}, also once the signal is aborted
   */
  fetch(signal: AbortSignal): Promise<Rates>;
}

export interface GrpcRatesApiOptions {
  /** host:port */
  readonly address: string;
  readonly apiKey: string;
  /** Longest call, in ms. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** The rates API gave no rates that can be used; the message says why. */
export class RatesUnavailable extends Error {
  override readonly name = "RatesUnavailable";
}

const path = "/casino.rates.v1.RatesService/GetRates";
const mostAnswerBytes = 256 * 1024;

/**
 * One channel for each fetch, about one a minute: a server that restarts then never meets an idle channel, which crashes
 * some versions of Deno (see ARCHITECTURE.md, "Traps").
 */
export function grpcRatesApi({ address, apiKey, timeoutMs, clock }: GrpcRatesApiOptions): RatesApi {
  return {
    async fetch(signal) {
      const client = new Client(address, credentials.createInsecure(), {
        "grpc.max_receive_message_length": mostAnswerBytes,
        "grpc.enable_retries": 0,
        "grpc.use_local_subchannel_pool": 1,
      });
      const metadata = new Metadata();
      metadata.set("x-api-key", apiKey);
      try {
        const answer = await getRates(client, metadata, timeoutMs, signal);
        return checkRates({
          base: answer.base,
          asOfMs: Number(answer.asOf?.seconds ?? 0) * 1000 + Math.floor((answer.asOf?.nanos ?? 0) / 1e6),
          rates: answer.rates,
        }, clock.now());
      } catch (error) {
        throw new RatesUnavailable(`the rates API at ${address} ${explain(error, timeoutMs)}`);
      } finally {
        client.close();
      }
    },
  };
}

function getRates(client: Client, metadata: Metadata, timeoutMs: number, signal: AbortSignal) {
  return new Promise<casino.rates.v1.GetRatesResponse>((resolve, reject) => {
    const deadline = Date.now() + timeoutMs;
    const call = client.makeUnaryRequest(
      path,
      (request: casino.rates.v1.GetRatesRequest.$Shape) => Buffer.from(GetRatesRequest.encode(request).finish()),
      (bytes: Buffer) => GetRatesResponse.decode(bytes),
      { base: "EUR", symbols: [] },
      metadata,
      { deadline },
      (error, answer) => {
        finish();
        if (error) reject(error);
        else if (answer) resolve(answer);
        else reject(new Error("answered nothing"));
      },
    );
    // gRPC's own deadline lets calls live on that never got a connection.
    const timer = setTimeout(() => {
      finish();
      call.cancel();
      reject(new Error(`did not answer within RATES_CALL_TIMEOUT_MS=${timeoutMs}`));
    }, timeoutMs);
    const cancel = () => {
      finish();
      call.cancel();
      reject(new Error("was not waited for: the subscriber is leaving"));
    };
    function finish() {
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
    }
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel);
  });
}

function explain(error: unknown, timeoutMs: number): string {
  if (error instanceof InvalidRates) return `gave an answer that is refused: ${error.message}`;
  const { code, details, message } = error as ServiceError;
  switch (code) {
    case undefined:
      return message;
    case status.DEADLINE_EXCEEDED:
      return `did not answer within RATES_CALL_TIMEOUT_MS=${timeoutMs}`;
    case status.UNAUTHENTICATED:
      return `refuses RATES_API_KEY: ${details}`;
    default:
      return `failed with ${status[code]}: ${details}`;
  }
}
