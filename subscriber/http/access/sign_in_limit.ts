/** Slows down those who guess tokens: each peer, and all of them together. */
import { isIPv6 } from "node:net";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { RequestLimit } from "../request_limit.ts";

/** Wrong tokens of one peer: so many at once, then one in ten seconds. */
const ofPeer = { burst: 5, perSecond: 0.1 };
/** Of all peers; beyond it each waits for its refusal. */
const ofAll = { burst: 50, perSecond: 1 };
const refusalWaitMs = 1_000;

/** Of wrong tokens alone: a right one is never limited, so that nobody who guesses locks others out. */
export class SignInLimit {
  readonly #peers: RequestLimit;
  readonly #all: RequestLimit;

  constructor(private readonly clock: Clock) {
    this.#peers = new RequestLimit(clock, ofPeer);
    this.#all = new RequestLimit(clock, ofAll);
  }

  /** @returns whether one more wrong token of this peer is logged and told now */
  take(address: string): boolean {
    return this.#peers.take(peerOf(address));
  }

  /** Resolves when the peer may be told. */
  async untilTold(stop: AbortSignal): Promise<void> {
    if (!this.#all.take("")) await this.clock.sleep(refusalWaitMs, stop).catch(() => {});
  }
}

/** Of IPv6 the network of 64 bits: a host has all of its addresses. */
function peerOf(address: string): string {
  if (!isIPv6(address) || !URL.canParse(`http://[${address}]`)) return address;
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : Array<string>(8 - groups.length - rest.length).fill("0");
  return [...groups, ...zeros, ...rest].slice(0, 4).join(":");
}
