/** Who asks: the other end of the connection, or, where that is a proxy that we trust, whom the proxy names. */
import { BlockList, isIP } from "node:net";
import type { Caller } from "../request_limit.ts";

export class TrustedProxies {
  readonly #networks = new BlockList();

  /** @param networks valid values of HTTP_TRUSTED_PROXIES: each an IP address, or with /PREFIX a network */
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
   * The last address in `X-Forwarded-For` that is not a trusted proxy's own: each proxy adds whom it was asked by, and
   * what stands before that may be anybody's invention. Whether TLS is used is for the proxy to say, too.
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

/** An IPv4 address as such: a socket for both families has it as `::ffff:10.0.0.1`. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
