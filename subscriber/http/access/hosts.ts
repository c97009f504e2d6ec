/** Which names we answer to, so that no page of another site gets in under a name of its own (DNS rebinding). */
import { isLoopback } from "../../../shared/runtime/hosts.ts";

/** @param host the Host header: a name, or an address, with or without a port */
export function nameOf(host: string): string {
  return host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1").toLowerCase();
}

/**
 * Loopback's names, the address that the connection came in at, and HTTP_ALLOWED_HOSTS.
 * @param local that address
 */
export function isKnownHost(host: string, local: string, allowed: readonly string[]): boolean {
  const name = nameOf(host);
  return isLoopback(name) || name !== "" && (sameAddress(name, local) || allowed.includes(name));
}

function sameAddress(one: string, other: string): boolean {
  if (!one.includes(":") || !other.includes(":")) return one === other;
  const hostOf = (address: string) => {
    const url = `http://[${address}]`;
    return URL.canParse(url) ? new URL(url).hostname : address;
  };
  return hostOf(one) === hostOf(other);
}
