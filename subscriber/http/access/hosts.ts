/** Checks the Host header against DNS rebinding: a page of another site must not reach us under its own name. */
import { isLoopback } from "../../../shared/runtime/hosts.ts";

/** Returns the host without its port. @param host the Host header: a name or an address, with or without a port */
export function nameOf(host: string): string {
  return host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1").toLowerCase();
}

/**
 * Whether the host is a loopback name, the local address of the connection, or in HTTP_ALLOWED_HOSTS.
 * @param local the local address of the connection
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
