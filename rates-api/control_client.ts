/** The mock's controls, from another process. */
import "../shared/runtime/deno_workarounds/without_env.ts";
import { Buffer } from "node:buffer";
import { Metadata, status } from "@grpc/grpc-js";
import { openGrpcClient, problemOf } from "../shared/grpc/client.ts";
import type { TlsFiles } from "../shared/runtime/tls.ts";
import { faultsFromMessage, faultsToMessage, type Stats, statsFromMessage } from "./control_service.ts";
import type { Faults } from "./faults.ts";
import { casino } from "./generated/protobuf.js";

const {
  SetFaultsRequest,
  SetFaultsResponse,
  GetStatsRequest,
  GetStatsResponse,
  ResetStatsRequest,
  ResetStatsResponse,
} = casino.rates.v1;

export interface ControlClient extends Disposable {
  /** Replaces all faults, and gives them as they now are. */
  setFaults(faults: Faults): Promise<Faults>;
  stats(): Promise<Stats>;
  resetStats(): Promise<void>;
}

const callTimeoutMs = 5_000;

/** Every method throws an Error that says in one sentence what the server answered, or that it did not. */
export function controlClient(address: string, apiKey: string, tls?: TlsFiles): ControlClient {
  const client = openGrpcClient(address, tls);
  const metadata = new Metadata();
  metadata.set("x-api-key", apiKey);

  function call<A>(method: string, request: { finish(): Uint8Array }, decode: (bytes: Uint8Array) => A): Promise<A> {
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        `/casino.rates.v1.MockControlService/${method}`,
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
      return faultsFromMessage((await call("SetFaults", request, (bytes) => SetFaultsResponse.decode(bytes))).faults);
    },
    async stats() {
      const request = GetStatsRequest.encode({});
      return statsFromMessage(await call("GetStats", request, (bytes) => GetStatsResponse.decode(bytes)));
    },
    async resetStats() {
      await call("ResetStats", ResetStatsRequest.encode({}), (bytes) => ResetStatsResponse.decode(bytes));
    },
    [Symbol.dispose]: () => client.close(),
  };
}

function explain(address: string, code: status, details: string): string {
  switch (code) {
    case status.UNAUTHENTICATED:
      return `The rates API at ${address} refuses RATES_API_KEY: ${details}.`;
    case status.UNAVAILABLE:
    case status.DEADLINE_EXCEEDED:
      return `No rates API answers at RATES_API_ADDRESS=${address}; start it with \`deno task rates-api\`: ${
        problemOf(details)
      }.`;
    case status.UNIMPLEMENTED:
      return `The server at ${address} is not our mock: it has no controls.`;
    default:
      return `The rates API at ${address} answered ${status[code]}: ${details}.`;
  }
}
