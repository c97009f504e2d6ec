/**
 * Finds the caller of a request: the peer of the connection or, if the peer is a trusted proxy, the caller that it
 * names.
 */
import { BlockList, isIP } from "node:net";
import type { Caller } from "../request_limit.ts";

export class TrustedProxies {
  readonly #networks = new BlockList();

  /** @param networks valid values of HTTP_TRUSTED_PROXIES: IP addresses, and networks with /PREFIX */
  constructor(networks: readonly string[] = []) {
    for (const network of networks) {
      const [address = "", prefix] = network.split("/");
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      if (prefix === undefined) this.#networks.addAddress(address, family);
      else this.#networks.addSubnet(address, Number(prefix), family);
    }
  }

  trust(address: string): boolean {
    return this.#networks.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  }

  /**
   * Returns the peer or, behind trusted proxies, the last address in `X-Forwarded-For` that is not a trusted proxy.
   * Each proxy appends its caller, so earlier addresses may be forged. A trusted proxy also says whether the caller
   * uses TLS.
   * @param peer the other end of the connection
   */
  callerOf(peer: Caller, headers: Headers): Caller {
    let address = peer.address;
    const named = (headers.get("x-forwarded-for") ?? "").split(",");
    while (this.trust(address) && named.length > 0) {
      const before = plainAddress(named.pop()!.trim());
      if (isIP(before) === 0) break;
      address = before;
    }
    const secure = peer.secure || this.trust(peer.address) && headers.get("x-forwarded-proto") === "https";
    return { ...peer, address, secure };
  }
}

/** Returns an IPv4 address in its own form: a socket for both families shows it as `::ffff:10.0.0.1`. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
