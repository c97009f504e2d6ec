/**
 * Under Deno a gRPC server without a CA does not use TLS: clients fail with "wrong version number". With any CA it
 * does. So a server that requires no client certificates gets its own certificate as a CA, which checks nothing.
 *
 * Report: none known. Seen with Deno 2.9.3 and @grpc/grpc-js 1.14.7.
 * Remove it when tests/scenarios/security/tls_scenario.ts passes with `null` in place of `cert` as the CA.
 */
import "./without_env.ts";
import { Buffer } from "node:buffer";
import { ServerCredentials } from "@grpc/grpc-js";
import type { TlsMaterial } from "../tls.ts";

/** @param tls with a CA, clients must have a certificate of that CA; `undefined`: no TLS */
export function serverCredentials(tls: TlsMaterial | undefined): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  const [cert, key] = [Buffer.from(tls.cert ?? ""), Buffer.from(tls.key ?? "")];
  const ca = tls.ca === undefined ? cert : Buffer.from(tls.ca);
  return ServerCredentials.createSsl(ca, [{ cert_chain: cert, private_key: key }], tls.ca !== undefined);
}
