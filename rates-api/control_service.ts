/** casino.rates.v1.MockControlService */
import { type Metadata, type Server, status } from "@grpc/grpc-js";
import type { Log } from "../shared/runtime/telemetry/log.ts";
import { faultsFromMessage, faultsToMessage, type Stats, statsToMessage } from "./control_messages.ts";
import { checkFaults, type Faults } from "./faults.ts";
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

/** What can be controlled. */
export interface Mock {
  setFaults(faults: Faults): void;
  stats(): Stats;
  resetStats(): void;
}

export function addControlService(
  server: Server,
  mock: Mock,
  requireKey: (metadata: Metadata) => void,
  log: Log,
): void {
  const service = "/casino.rates.v1.MockControlService";
  const guarded = <Q, A>(handle: (request: Q) => A) => ({ request, metadata }: Call<Q>): A => {
    requireKey(metadata);
    return handle(request);
  };

  serveUnary(server, {
    path: `${service}/SetFaults`,
    decode: (bytes) => SetFaultsRequest.decode(bytes),
    encode: (answer: casino.rates.v1.SetFaultsResponse.$Properties) => SetFaultsResponse.encode(answer),
    handle: guarded((request: casino.rates.v1.SetFaultsRequest) => {
      mock.setFaults(checked(request.faults));
      return { faults: faultsToMessage(mock.stats().faults) };
    }),
  }, log);

  serveUnary(server, {
    path: `${service}/GetStats`,
    decode: (bytes) => GetStatsRequest.decode(bytes),
    encode: (answer: casino.rates.v1.GetStatsResponse.$Properties) => GetStatsResponse.encode(answer),
    handle: guarded(() => statsToMessage(mock.stats())),
  }, log);

  serveUnary(server, {
    path: `${service}/ResetStats`,
    decode: (bytes) => ResetStatsRequest.decode(bytes),
    encode: (answer: casino.rates.v1.ResetStatsResponse.$Properties) => ResetStatsResponse.encode(answer),
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
