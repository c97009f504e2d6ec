/**
 * For a container's health check: `grpc.ts 127.0.0.1:50051` asks grpc.health.v1.Health of the server as a whole.
 * Exit status 0 when it is SERVING. Without TLS.
 */
import "../../shared/without_env.ts";
import { Buffer } from "node:buffer";
import { Client, credentials } from "@grpc/grpc-js";
import { grpc } from "../../rates-api/generated/protobuf.js";

const { HealthCheckRequest, HealthCheckResponse } = grpc.health.v1;
const timeoutMs = 3_000;
const [address = ""] = Deno.args;

const client = new Client(address, credentials.createInsecure());
client.makeUnaryRequest(
  "/grpc.health.v1.Health/Check",
  (request: Uint8Array) => Buffer.from(request),
  (bytes) => HealthCheckResponse.decode(bytes),
  HealthCheckRequest.encode({}).finish(),
  { deadline: Date.now() + timeoutMs },
  (error, answer) => {
    const serving = answer?.status === HealthCheckResponse.ServingStatus.SERVING;
    if (!serving) console.error(`${address}: ${error?.message ?? "NOT_SERVING"}`);
    Deno.exit(serving ? 0 : 1);
  },
);
