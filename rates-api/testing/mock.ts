/** A mock rates API on a port of its own, and a plain gRPC client for it: for tests. */
import "../../shared/without_env.ts";
import { Buffer } from "node:buffer";
import { type CallOptions, Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { systemClock } from "../../shared/clock.ts";
import { casino } from "../../shared/event/generated/protobuf.js";
import { seededRandom } from "../../shared/random.ts";
import { silentLog } from "../../shared/telemetry/log.ts";
import { fixedQuotes } from "../quotes.ts";
import { type RatesApiOptions, type RunningRatesApi, startRatesApi } from "../server.ts";

const { GetRatesRequest, GetRatesResponse } = casino.rates.v1;

export const apiKey = "test-key";

/** Listens on a free port of the loopback address. */
export function startMock(options: Partial<RatesApiOptions> = {}): Promise<RunningRatesApi> {
  return startRatesApi({
    address: "127.0.0.1:0",
    apiKey,
    quotes: fixedQuotes,
    random: seededRandom(1),
    clock: systemClock,
    log: silentLog,
    ...options,
  });
}

/** Closed by `using`, which must come after that of the server, so that it closes first. */
export class TestClient extends Client implements Disposable {
  constructor(address: string) {
    super(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  }

  /** Resolves to the answer's bytes, or rejects with the status. */
  unary(path: string, request: Uint8Array, key?: string, options: CallOptions = {}) {
    return this.start(path, request, key, options).answer;
  }

  /** The same, with the call, so that it can be cancelled. */
  start(path: string, request: Uint8Array, key?: string, options: CallOptions = {}) {
    const metadata = new Metadata();
    if (key !== undefined) metadata.set("x-api-key", key);
    const { promise: answer, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const call = this.makeUnaryRequest(
      path,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => bytes,
      request,
      metadata,
      options,
      (error: ServiceError | null, bytes?: Buffer) => bytes ? resolve(bytes) : reject(error),
    );
    return { call, answer };
  }

  async getRates(request: { base?: string; symbols?: string[] } = {}, key = apiKey, options: CallOptions = {}) {
    return GetRatesResponse.decode(await this.startRates(request, key, options).answer);
  }

  startRates({ base = "EUR", symbols = [] }: { base?: string; symbols?: string[] }, key = apiKey, options = {}) {
    const bytes = GetRatesRequest.encode({ base, symbols }).finish();
    return this.start("/casino.rates.v1.RatesService/GetRates", bytes, key, options);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Looks again until it holds; the test's own deadline is 5 s. */
export async function eventually(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries === 1_000) throw new Error(`within 5 s this never held: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
