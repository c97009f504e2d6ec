/** Changes that a {@linkcode TcpProxy} makes to the bytes that pass it; named after Shopify's Toxiproxy. */
import type { Random } from "../../shared/runtime/random.ts";

export type Toxic =
  /** Every chunk comes later: by `ms`, plus or minus `jitterMs`. */
  | { readonly kind: "latency"; readonly ms: number; readonly jitterMs: number }
  /** At most so many bytes a second in each direction. */
  | { readonly kind: "bandwidth"; readonly bytesPerSecond: number }
  /** Chunks come in slices of 1 to `bytes` bytes, `ms` apart. */
  | { readonly kind: "slicing"; readonly bytes: number; readonly ms: number }
  /** Nothing passes; connections stay open and are still accepted. Ends when the toxic is taken away. */
  | { readonly kind: "black-hole" }
  /** An end of stream reaches the other side only after `ms`. */
  | { readonly kind: "slow-close"; readonly ms: number }
  /** A connection is reset once so many bytes have passed, in either direction. */
  | { readonly kind: "cut-after"; readonly bytes: number }
  /** Connections are reset as soon as they are made. */
  | { readonly kind: "refuse" };

/** How far apart the slices of a chunk are, and how long the whole of it waits, in ms. */
export interface Passage {
  readonly delayMs: number;
  readonly slices: readonly Uint8Array[];
  readonly pauseMs: number;
}

/** How a chunk passes under the toxics. */
export function passageOf(chunk: Uint8Array, toxics: readonly Toxic[], random: Random): Passage {
  let delayMs = 0;
  let pauseMs = 0;
  let slices: Uint8Array[] = [chunk];
  for (const toxic of toxics) {
    switch (toxic.kind) {
      case "latency":
        delayMs += Math.max(0, toxic.ms + random.int(-toxic.jitterMs, toxic.jitterMs));
        break;
      case "bandwidth":
        delayMs += chunk.length / toxic.bytesPerSecond * 1_000;
        break;
      case "slicing":
        slices = slice(chunk, toxic.bytes, random);
        pauseMs = toxic.ms;
    }
  }
  return { delayMs, slices, pauseMs };
}

function slice(chunk: Uint8Array, most: number, random: Random): Uint8Array[] {
  const slices: Uint8Array[] = [];
  for (let at = 0; at < chunk.length;) {
    const end = at + random.int(1, most);
    slices.push(chunk.subarray(at, end));
    at = end;
  }
  return slices;
}
