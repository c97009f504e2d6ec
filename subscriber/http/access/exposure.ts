/** The settings that serving HTTP beyond this machine requires. */
import { type Config, ConfigError } from "../../../shared/runtime/configuration/config.ts";
import { isLoopback } from "../../../shared/runtime/hosts.ts";
import { type Address, formatAddress } from "../server/server.ts";

type Protection = Pick<Config, "HTTP_TOKENS_FILE" | "HTTP_TLS" | "HTTP_PROTECTED_BY" | "TLS_CERT_FILE">;

/** @throws {ConfigError} that names the missing settings and their alternatives */
export function checkExposure(address: Address | undefined, config: Protection): void {
  if (config.HTTP_TLS === "on" && !config.TLS_CERT_FILE) {
    throw new ConfigError(["HTTP_TLS=on needs TLS_CERT_FILE and TLS_KEY_FILE"]);
  }
  if (!address || isLoopback(address.hostname)) return;
  const { HTTP_TOKENS_FILE: tokens, HTTP_TLS: tls, HTTP_PROTECTED_BY: by } = config;
  const missing = [];
  if (by === "itself" && tls === "off") missing.push("HTTP_TLS=on, or HTTP_PROTECTED_BY=tls-proxy if a proxy has TLS");
  if (by !== "proxy" && !tokens) missing.push("HTTP_TOKENS_FILE, or HTTP_PROTECTED_BY=proxy if a proxy asks who looks");
  if (missing.length === 0) return;
  throw new ConfigError([
    `--http=${formatAddress(address)} shows players' data to other machines: set ${missing.join("; and ")}`,
  ]);
}
