import { UsageError } from "../../shared/runtime/configuration/command.ts";

/** Where HTTP is served. */
export interface Address {
  readonly hostname: string;
  readonly port: number;
}

export const defaultAddress = "127.0.0.1:8080";

/**
 * @param text `HOST:PORT`, `[IPv6]:PORT` or `off`; port 0 takes a free one
 * @returns `undefined` for `off`
 * @throws {UsageError}
 */
export function parseAddress(text: string): Address | undefined {
  if (text === "off") return undefined;
  const [, ipv6, name, digits] = /^(?:\[([\da-fA-F:.]+)\]|([\w.\-]+)):(\d{1,5})$/.exec(text) ?? [];
  const hostname = ipv6 ?? name;
  const port = Number(digits);
  if (hostname === undefined || port > 65_535) {
    throw new UsageError(`--http=${text} must be HOST:PORT, such as ${defaultAddress}, or off`);
  }
  return { hostname, port };
}

export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
