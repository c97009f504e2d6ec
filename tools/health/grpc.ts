/**
 * For a container's health check: `grpc.ts 127.0.0.1:50051` asks grpc.health.v1.Health of the server as a whole, by TLS
 * where the rates API's own variables have it serve so. Exit status 0 when it is SERVING.
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

/** @returns what is wrong; `undefined` when it is SERVING */
export function problemOf(address: string, credentials: ChannelCredentials): Promise<string | undefined> {
  // Deno takes no IP address for a name to ask for.
  const client = new Client(address, credentials, {
    "grpc.ssl_target_name_override": "localhost",
    // The container asks itself, which a proxy cannot reach.
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

if (import.meta.main) {
  let problem: string | undefined;
  try {
    problem = await problemOf(Deno.args[0] ?? "", ownCredentials());
  } catch (error) {
    // A setting, or a file that TLS needs.
    problem = messageOf(error).split("\n").map((line) => printable(line)).join("\n");
  }
  if (problem !== undefined) console.error(problem);
  Deno.exit(problem === undefined ? 0 : 1);
}
