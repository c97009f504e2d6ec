/** grpc.health.v1.Health: https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
import { Buffer } from "node:buffer";
import { type Server, type ServerWritableStream, status } from "@grpc/grpc-js";
import type { Log } from "../shared/runtime/telemetry/log.ts";
import { grpc } from "./generated/protobuf.js";
import { RpcError, serveUnary } from "./unary.ts";

const { HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse } = grpc.health.v1;
const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse.ServingStatus;

type Request = grpc.health.v1.HealthCheckRequest;
type Response = grpc.health.v1.HealthCheckResponse.$Properties;

export interface Health {
  /** Reports NOT_SERVING from now on, and ends the streams of watchers. */
  leave(): void;
}

/** @param services full names; the server as a whole is added under the empty name */
export function addHealthService(server: Server, services: readonly string[], log: Log): Health {
  const known = new Set(["", ...services]);
  const watchers = new Map<ServerWritableStream<Request, Response>, string>();
  let leaving = false;

  const statusOf = (service: string): Response => ({
    status: !known.has(service) ? SERVICE_UNKNOWN : leaving ? NOT_SERVING : SERVING,
  });

  serveUnary(server, {
    path: "/grpc.health.v1.Health/Check",
    request: HealthCheckRequest,
    answer: HealthCheckResponse,
    handle: ({ request }) => {
      if (!known.has(request.service)) throw new RpcError(status.NOT_FOUND, "the service is not known here");
      return statusOf(request.service);
    },
  }, log);

  serveUnary(server, {
    path: "/grpc.health.v1.Health/List",
    request: HealthListRequest,
    answer: HealthListResponse,
    handle: () => ({ statuses: Object.fromEntries(Array.from(known, (service) => [service, statusOf(service)])) }),
  }, log);

  server.register<Request, Response>(
    "/grpc.health.v1.Health/Watch",
    (call: ServerWritableStream<Request, Response>) => {
      const { service } = call.request;
      call.write(statusOf(service));
      if (leaving) return void call.end();
      watchers.set(call, service);
      call.on("cancelled", () => watchers.delete(call));
    },
    (answer) => Buffer.from(HealthCheckResponse.encode(answer).finish()),
    (bytes) => HealthCheckRequest.decode(bytes),
    "serverStream",
  );

  return {
    leave() {
      leaving = true;
      for (const [call, service] of watchers) {
        if (known.has(service)) call.write(statusOf(service));
        call.end();
      }
      watchers.clear();
    },
  };
}
