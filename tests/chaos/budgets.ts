/** Messages that cost what a member may have in hand: bodies beyond any event's, and headers that nearly fill a table. */
import type { Random } from "../../shared/runtime/random.ts";
import type { Headers } from "../../shared/rabbitmq/message.ts";

/** A body that is no event, and what may become of it. */
export interface LargeBody {
  readonly body: Uint8Array;
  readonly reason: string;
  readonly orReason?: string;
}

const mebibyte = 1_048_576;
/** A body beyond 1 MiB is not read. */
const mostRead = mebibyte;
const sizes = [100_000, 2 * mebibyte] as const;
const [hugeShare, hugeBytes] = [0.2, 15 * mebibyte];
/** The client writes at most 64 KiB of headers, and a letter's own are among them. */
const headerBytes = 60_000;

/** Near {@linkcode headerBytes}, in values of many lengths. */
export function largeHeaders(random: Random): Headers {
  const headers: Record<string, string> = {};
  for (let left = headerBytes, n = 0; left > 0; n++) {
    const length = Math.min(left, random.int(10, 20_000));
    headers[`large-${n}`] = "h".repeat(length);
    left -= length + 20;
  }
  return headers;
}

/**
 * Draws bodies until their sum has reached the budget: every look at the dead letters brings them all.
 * @returns `undefined` from then on
 */
export function largeBodies(random: Random, budgetBytes: number): () => LargeBody | undefined {
  let left = budgetBytes;
  return () => {
    const length = random.next() < hugeShare ? hugeBytes : random.int(...sizes);
    if (length > left) return undefined;
    left -= length;
    const body = new Uint8Array(length).fill(0xff);
    if (length > mostRead) return { body, reason: "rejected" };
    // The broker moves what it does not take from us again.
    return { body, reason: "undecodable", orReason: "rejected" };
  };
}
