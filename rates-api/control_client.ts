/** Controls the mock from another process. */
import "../shared/runtime/deno_workarounds/without_env.ts";
import { Buffer } from "node:buffer";
import { Metadata, status } from "@grpc/grpc-js";
import { openGrpcClient, problemOf } from "../shared/grpc/client.ts";
import type { TlsFiles } from "../shared/runtime/tls.ts";
import { faultsFromMessage, faultsToMessage, type Stats, statsFromMessage } from "./control_service.ts";
import type { Faults } from "./faults.ts";
import { casino } from "./generated/protobuf.js";
import { casino as contract } from "../shared/event/generated/protobuf.js";

const {
  SetFaultsRequest,
  SetFaultsResponse,
  GetStatsRequest,
  GetStatsResponse,
  ResetStatsRequest,
  ResetStatsResponse,
} = casino.rates.v1;
const { GetRatesRequest, GetRatesResponse } = contract.rates.v1;

export interface ControlClient extends Disposable {
  /** Replaces all faults. Returns the faults that are now set. */
  setFaults(faults: Faults): Promise<Faults>;
  stats(): Promise<Stats>;
  resetStats(): Promise<void>;
  /** Gets rates as a subscriber does; needs RATES_API_KEY. */
  rates(): Promise<{ readonly asOfMs: number; readonly count: number }>;
}

const callTimeoutMs = 5_000;

/**
 * Every method throws an Error that says in one sentence what the server answered, or that it did not answer.
 * @param key RATES_CONTROL_KEY; for `rates()`, RATES_API_KEY
 */
export function controlClient(address: string, key: string, tls?: TlsFiles): ControlClient {
  const client = openGrpcClient(address, tls);
  const metadata = new Metadata();
  metadata.set("x-api-key", key);

  function call<A>(method: string, request: { finish(): Uint8Array }, decode: (bytes: Uint8Array) => A): Promise<A> {
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        `/casino.rates.v1.${method}`,
        (bytes: Uint8Array) => Buffer.from(bytes),
        decode,
        request.finish(),
        metadata,
        { deadline: Date.now() + callTimeoutMs },
        (error, answer) => {
          if (answer !== undefined) resolve(answer);
          else reject(new Error(explain(address, error?.code ?? status.UNKNOWN, error?.details ?? "no answer")));
        },
      );
    });
  }

  return {
    async setFaults(faults) {
      const request = SetFaultsRequest.encode({ faults: faultsToMessage(faults) });
      return faultsFromMessage(
        (await call("MockControlService/SetFaults", request, (bytes) => SetFaultsResponse.decode(bytes))).faults,
      );
    },
    async stats() {
      const request = GetStatsRequest.encode({});
      return statsFromMessage(
        await call("MockControlService/GetStats", request, (bytes) => GetStatsResponse.decode(bytes)),
      );
    },
    async resetStats() {
      await call(
        "MockControlService/ResetStats",
        ResetStatsRequest.encode({}),
        (bytes) => ResetStatsResponse.decode(bytes),
      );
    },
    async rates() {
      const request = GetRatesRequest.encode({ base: "EUR" });
      const { asOf, rates } = await call("RatesService/GetRates", request, (bytes) => GetRatesResponse.decode(bytes));
      return { asOfMs: Number(asOf?.seconds ?? 0) * 1000, count: Object.keys(rates).length };
    },
    [Symbol.dispose]: () => client.close(),
  };
}

function explain(address: string, code: status, details: string): string {
  switch (code) {
    case status.UNAUTHENTICATED:
      return `The rates API at ${address} refuses the key: ${details}.`;
    case status.UNAVAILABLE:
    case status.DEADLINE_EXCEEDED:
      return `No rates API answers at RATES_API_ADDRESS=${address}; start it with \`deno task rates-api\`: ${
        problemOf(details)
      }.`;
    case status.UNIMPLEMENTED:
      return `The server at ${address} has no controls: it is not our mock, or was started without RATES_CONTROL_KEY.`;
    default:
      return `The rates API at ${address} answered ${status[code]}: ${details}.`;
  }
}
