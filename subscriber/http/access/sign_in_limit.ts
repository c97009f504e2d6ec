/** Limits the guessing of tokens, for each peer and for all peers together. */
import { isIPv6 } from "node:net";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { RequestLimit } from "../request_limit.ts";

/** Wrong tokens of one peer: a burst, then one in ten seconds. */
const ofPeer = { burst: 5, perSecond: 0.1 };
/** Wrong tokens of all peers. Beyond it each refusal is delayed. */
const ofAll = { burst: 50, perSecond: 1 };
const refusalWaitMs = 1_000;

/** Limits only wrong tokens: otherwise guessing could lock out the owners of valid tokens. */
export class SignInLimit {
  readonly #peers: RequestLimit;
  readonly #all: RequestLimit;

  constructor(private readonly clock: Clock) {
    this.#peers = new RequestLimit(clock, ofPeer);
    this.#all = new RequestLimit(clock, ofAll);
  }

  /** Counts a wrong token of the peer. @returns whether the peer is within its limit */
  take(address: string): boolean {
    return this.#peers.take(peerOf(address));
  }

  /** Resolves when the refusal may be sent. */
  async untilTold(stop: AbortSignal): Promise<void> {
    if (!this.#all.take("")) await this.clock.sleep(refusalWaitMs, stop).catch(() => {});
  }
}

/** Returns the address; for IPv6 its /64 network, because one host has all of its addresses. */
function peerOf(address: string): string {
  if (!isIPv6(address) || !URL.canParse(`http://[${address}]`)) return address;
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : Array<string>(8 - groups.length - rest.length).fill("0");
  return [...groups, ...zeros, ...rest].slice(0, 4).join(":");
}
