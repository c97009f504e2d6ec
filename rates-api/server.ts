/** The mock rates API, as a server in this process. */
import "../shared/runtime/deno_workarounds/without_env.ts";
import { serverCredentials } from "../shared/runtime/deno_workarounds/grpc_server_tls.ts";
import { logVerbosity, Server, type ServerCredentials, setLogVerbosity } from "@grpc/grpc-js";
import type { Clock } from "../shared/runtime/clock.ts";
import type { Random } from "../shared/runtime/random.ts";
import type { Log } from "../shared/runtime/telemetry/log.ts";
import type { Tracing } from "../shared/runtime/telemetry/tracing.ts";
import type { TlsMaterial } from "../shared/runtime/tls.ts";
import { addControlService, CallCounts, controlService, type Stats } from "./control_service.ts";
import { checkFaults, type Faults, noFaults } from "./faults.ts";
import { addHealthService } from "./health.ts";
import type { Quotes } from "./quotes.ts";
import { addRatesService } from "./rates_service.ts";
import { addReflectionService, describedServices } from "./reflection.ts";
import { keyGuard } from "./unary.ts";

export interface RatesApiOptions {
  /** host:port; port 0 picks a free port. */
  readonly address: string;
  /** The `x-api-key` that callers must send. */
  readonly apiKey: string;
  /** A second `x-api-key` that is accepted while keys are rotated. */
  readonly oldApiKey?: string | undefined;
  /** The `x-api-key` for the controls; `undefined`: no controls. */
  readonly controlKey?: string | undefined;
  /** The server's certificate and key, and the CA for client certificates, if callers need one; `undefined`: no TLS. */
  readonly tls?: TlsMaterial | undefined;
  readonly quotes: Quotes;
  readonly faults?: Faults;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
  /** `undefined`: off. */
  readonly tracing?: Tracing | undefined;
}

/** A listening server. Disposal closes it at once and cancels the calls in flight. */
export interface RunningRatesApi extends AsyncDisposable {
  /** host:port, with the actual port. */
  readonly address: string;
  /** Replaces all faults. @throws {RangeError} */
  setFaults(faults: Faults): void;
  stats(): Stats;
  /** Accepts no new calls, and lets calls in flight end until the signal is aborted, or for 5 s without a signal. */
  close(signal?: AbortSignal): Promise<void>;
}

/** A request names at most a few hundred currencies. */
const mostRequestBytes = 64 * 1024;
const closeTimeoutMs = 5_000;

/** @throws {Error} when it cannot listen on the address, with the reason in one sentence */
export async function startRatesApi(options: RatesApiOptions): Promise<RunningRatesApi> {
  const { apiKey, oldApiKey, controlKey, log } = options;
  // grpc-js would also print to stderr the errors that it returns to us.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server({ "grpc.max_receive_message_length": mostRequestBytes });
  const counts = new CallCounts();
  let faults = checkFaults(options.faults ?? noFaults);

  const mock = {
    setFaults(replacement: Faults) {
      faults = checkFaults(replacement);
      log.info("Faults were set", { faults });
    },
    stats: (): Stats => ({ ...counts.counts, faults }),
    resetStats: () => counts.reset(),
  };
  const requireKey = keyGuard(oldApiKey === undefined ? [apiKey] : [apiKey, oldApiKey]);
  addRatesService(server, { ...options, requireKey, faults: () => faults, counts });
  if (controlKey !== undefined) addControlService(server, mock, keyGuard([controlKey]), log);
  const services = describedServices.filter((name) => controlKey !== undefined || name !== controlService);
  const health = addHealthService(server, services, log);
  addReflectionService(server, services);

  const address = await listen(server, options.address, serverCredentials(options.tls));
  let closed: Promise<void> | undefined;
  async function close(signal?: AbortSignal): Promise<void> {
    health.leave();
    closed ??= new Promise((resolve) => server.tryShutdown(() => resolve()));
    const force = () => server.forceShutdown();
    const timer = signal ? undefined : setTimeout(force, closeTimeoutMs);
    if (signal?.aborted) force();
    else signal?.addEventListener("abort", force);
    await closed;
    clearTimeout(timer);
    signal?.removeEventListener("abort", force);
  }
  return {
    ...mock,
    address,
    close,
    [Symbol.asyncDispose]: () => close(AbortSignal.abort()),
  };
}

async function listen(server: Server, address: string, credentials: ServerCredentials): Promise<string> {
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => {
      if (error) reject(new Error(explain(address, error)));
      else resolve(bound);
    });
  });
  return `${address.slice(0, address.lastIndexOf(":"))}:${port}`;
}

function explain(address: string, { message }: Error): string {
  const problem = /EADDRINUSE|address already in use/i.test(message)
    ? "is taken by another program; stop that one"
    : /EACCES|permission denied/i.test(message)
    ? "is not open to this user; use a port above 1023"
    : /EADDRNOTAVAIL|EINVAL/i.test(message)
    ? "is not an address of this machine; use one that is"
    : `cannot be listened on (${message}); mend that`;
  return `RATES_API_ADDRESS=${address} ${problem}, or set RATES_API_ADDRESS to another host:port.`;
}
