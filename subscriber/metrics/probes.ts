/** Checks whether the servers that a subscriber depends on answer. */
import "../../shared/runtime/deno_workarounds/without_env.ts";
import { Buffer } from "node:buffer";
import type { ServiceError } from "@grpc/grpc-js";
import type { Clock } from "../../shared/runtime/clock.ts";
import { redact } from "../../shared/runtime/secrets.ts";
import { explainStoreError } from "../../shared/runtime/errors.ts";
import { openGrpcClient, problemOf } from "../../shared/grpc/client.ts";
import type { TlsFiles } from "../../shared/runtime/tls.ts";
import { callWithDeadline, coalesced } from "../../shared/runtime/deadline.ts";

export const dependencies = ["rabbitmq", "redis", "postgres", "rates_api"] as const;
export type Dependency = (typeof dependencies)[number];

/** The embedded demo has no servers, so its names say where each part runs. */
export const dependencyNames: Readonly<Record<"servers" | "embedded", Readonly<Record<Dependency, string>>>> = {
  servers: { rabbitmq: "RabbitMQ", redis: "Redis", postgres: "Postgres", rates_api: "Rates API" },
  embedded: {
    rabbitmq: "Queue, in memory",
    redis: "Cache, in memory",
    postgres: "Postgres, embedded",
    rates_api: "Rates API",
  },
};

export interface DependencyState {
  readonly ok: boolean;
  /** Why the dependency does not serve; `undefined` when it does. */
  readonly problem: string | undefined;
}

/** Rejects when the dependency does not serve. */
export type Probe = (signal: AbortSignal) => Promise<unknown>;
export type Probes = Readonly<Record<Dependency, Probe>>;

export type ReadDependencies = () => Promise<Readonly<Record<Dependency, DependencyState>>>;

/** The rates API may belong to someone else, so it is probed less often. The other probes read cached values. */
const rememberApiMs = 10_000;
const probeTimeoutMs = 2_000;

/** Probes all dependencies at once, each with a deadline of 2 s. Never rejects. */
export function readDependencies(probes: Probes, clock: Clock): ReadDependencies {
  const ask = Object.fromEntries(
    dependencies.map((name) => [
      name,
      name === "rates_api"
        ? coalesced(rememberApiMs, clock, () => stateOf(probes[name], clock))
        : () => stateOf(probes[name], clock),
    ]),
  ) as Record<Dependency, () => Promise<DependencyState>>;
  return async () => {
    const states = await Promise.all(dependencies.map(async (name) => [name, await ask[name]()] as const));
    return Object.fromEntries(states) as Record<Dependency, DependencyState>;
  };
}

async function stateOf(probe: Probe, clock: Clock): Promise<DependencyState> {
  try {
    await callWithDeadline(probeTimeoutMs, clock, probe);
    return { ok: true, problem: undefined };
  } catch (error) {
    return { ok: false, problem: redact(explainStoreError(error)) };
  }
}

/** HealthCheckResponse { status: SERVING }: https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
const serving = Buffer.from([0x08, 0x01]);

/** Probes by gRPC's health checking protocol. Each probe opens a channel of its own; see rates/client.ts. */
export function grpcHealth(address: string, tls: TlsFiles | undefined, proxy?: string): Probe {
  return (signal) =>
    new Promise<void>((resolve, reject) => {
      const client = openGrpcClient(address, tls, {}, proxy);
      const asIs = (bytes: Buffer) => bytes;
      const call = client.makeUnaryRequest(
        "/grpc.health.v1.Health/Check",
        asIs,
        asIs,
        Buffer.alloc(0),
        { deadline: Date.now() + probeTimeoutMs },
        (error: ServiceError | null, answer?: Buffer) => {
          client.close();
          if (answer?.equals(serving)) resolve();
          else {reject(
              new Error(
                error ? `${address}: ${problemOf(error.details)}` : `${address} reports NOT_SERVING`,
              ),
            );}
        },
      );
      signal.addEventListener("abort", () => call.cancel(), { once: true });
    });
}
