/**
 * For a container's health check: `grpc.ts 127.0.0.1:50051` asks grpc.health.v1.Health of the server as a whole, by TLS
 * where the rates API's own variables have it serve so. Exit status 0 when it is SERVING.
 */
import "../../shared/runtime/deno_workarounds/without_env.ts";
import { Buffer } from "node:buffer";
import { Client, credentials } from "@grpc/grpc-js";
import { grpc } from "../../rates-api/generated/protobuf.js";
import { readConfig, tlsFilesOf } from "../../shared/runtime/configuration/config.ts";
import { readTlsFiles } from "../../shared/runtime/tls.ts";

const { HealthCheckRequest, HealthCheckResponse } = grpc.health.v1;
const timeoutMs = 3_000;
const [address = ""] = Deno.args;

// Deno takes no IP address for a name to ask for.
const client = new Client(address, ownCredentials(), {
  "grpc.ssl_target_name_override": "localhost",
  // The container asks itself, which a proxy cannot reach.
  "grpc.enable_http_proxy": 0,
});
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

/** It shows the server's own certificate where one is asked for. */
function ownCredentials() {
  const names = ["RATES_API_TLS", "TLS_CA_FILE", "TLS_CERT_FILE", "TLS_KEY_FILE"] as const;
  const config = readConfig(names, (name) => Deno.env.get(name));
  if (config.RATES_API_TLS === "off") return credentials.createInsecure();
  const { cert = "", key = "" } = readTlsFiles(tlsFilesOf(config));
  // The certificate names the host that callers know, which is not loopback; and there is nothing here to keep from
  // anybody. The kubelet's HTTPS probes do not verify certificates, either.
  return credentials.createSsl(null, Buffer.from(key), Buffer.from(cert), { rejectUnauthorized: false });
}
