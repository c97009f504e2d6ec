import { doesNotThrow, throws } from "node:assert/strict";
import { checkExposure } from "./exposure.ts";

const config = {
  HTTP_TOKENS_FILE: undefined,
  HTTP_TLS: "off",
  HTTP_PROTECTED_BY: "itself",
  TLS_CERT_FILE: "/tls.crt",
} as const;
const all = { hostname: "::", port: 8080 };

Deno.test("HTTP is served beyond loopback with TLS and tokens, or behind a declared protection", () => {
  const allowed = [
    { HTTP_TOKENS_FILE: "/tokens", HTTP_TLS: "on" },
    { HTTP_TOKENS_FILE: "/tokens", HTTP_PROTECTED_BY: "tls-proxy" },
    { HTTP_PROTECTED_BY: "proxy" },
  ] as const;
  for (const each of allowed) doesNotThrow(() => checkExposure(all, { ...config, ...each }));
  doesNotThrow(() => checkExposure({ hostname: "127.0.0.1", port: 8080 }, config));
  doesNotThrow(() => checkExposure(undefined, config));
});

Deno.test("HTTP refuses to serve beyond loopback otherwise, and names what is missing and the ways out", () => {
  const missing = (each: Partial<Parameters<typeof checkExposure>[1]>, message: RegExp) =>
    throws(() => checkExposure(all, { ...config, ...each }), { name: "ConfigError", message });
  missing({ HTTP_TLS: "on", TLS_CERT_FILE: undefined }, /^HTTP_TLS=on needs TLS_CERT_FILE and TLS_KEY_FILE$/);
  missing({}, /^--http=\[::\]:8080 .*HTTP_TLS=on, or HTTP_PROTECTED_BY=tls-proxy .*; and HTTP_TOKENS_FILE, or/);
  missing({ HTTP_TLS: "on" }, /: set HTTP_TOKENS_FILE, or HTTP_PROTECTED_BY=proxy/);
  missing({ HTTP_TOKENS_FILE: "/tokens" }, /: set HTTP_TLS=on, or/);
  missing({ HTTP_PROTECTED_BY: "tls-proxy" }, /: set HTTP_TOKENS_FILE/);
});
