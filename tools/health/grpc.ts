/**
 * A container's health check: `grpc.ts 127.0.0.1:50051` calls grpc.health.v1.Health for the whole server. Uses TLS if
 * the rates API's environment variables enable it. The exit status is 0 when the answer is SERVING.
 */
import "../../shared/runtime/deno_workarounds/without_env.ts";
import { Buffer } from "node:buffer";
import { type ChannelCredentials, Client, credentials } from "@grpc/grpc-js";
import { grpc } from "../../rates-api/generated/protobuf.js";
import { readConfig, tlsFilesOf } from "../../shared/runtime/configuration/config.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { printable } from "../../shared/runtime/printable.ts";
import { readTlsFiles } from "../../shared/runtime/tls.ts";

const { HealthCheckRequest, HealthCheckResponse } = grpc.health.v1;
const timeoutMs = 3_000;

/** @returns the problem; `undefined` when the server is SERVING */
export function problemOf(address: string, credentials: ChannelCredentials): Promise<string | undefined> {
  // Deno does not accept an IP address as the TLS server name.
  const client = new Client(address, credentials, {
    "grpc.ssl_target_name_override": "localhost",
    // The container calls itself; a proxy could not reach it.
    "grpc.enable_http_proxy": 0,
  });
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      "/grpc.health.v1.Health/Check",
      (request: Uint8Array) => Buffer.from(request),
      (bytes) => HealthCheckResponse.decode(bytes),
      HealthCheckRequest.encode({}).finish(),
      { deadline: Date.now() + timeoutMs },
      (error, answer) => {
        client.close();
        const serving = answer?.status === HealthCheckResponse.ServingStatus.SERVING;
        resolve(serving ? undefined : printable(`${address}: ${error ? messageOf(error) : "NOT_SERVING"}`));
      },
    );
  });
}

/** Presents the server's own certificate if the server requests one. */
function ownCredentials() {
  const names = ["RATES_API_TLS", "TLS_CA_FILE", "TLS_CERT_FILE", "TLS_KEY_FILE"] as const;
  const config = readConfig(names, (name) => Deno.env.get(name));
  if (config.RATES_API_TLS === "off") return credentials.createInsecure();
  const { cert = "", key = "" } = readTlsFiles(tlsFilesOf(config));
  // The certificate is for the host name that callers use, not for loopback, and the check sends no secrets. The
  // kubelet's HTTPS probes do not verify certificates, either.
  return credentials.createSsl(null, Buffer.from(key), Buffer.from(cert), { rejectUnauthorized: false });
}

if (import.meta.main) {
  let problem: string | undefined;
  try {
    problem = await problemOf(Deno.args[0] ?? "", ownCredentials());
  } catch (error) {
    // A setting is wrong, or a TLS file is missing.
    problem = messageOf(error).split("\n").map((line) => printable(line)).join("\n");
  }
  if (problem !== undefined) console.error(problem);
  Deno.exit(problem === undefined ? 0 : 1);
}
