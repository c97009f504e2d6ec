/**
 * Messages that test the memory limits of a member: bodies larger than any event, and headers that nearly fill a table.
 */
import type { Random } from "../../shared/runtime/random.ts";
import type { Headers } from "../../shared/rabbitmq/message.ts";

/** A body that is not an event, and the reasons with which it may be dead-lettered. */
export interface LargeBody {
  readonly body: Uint8Array;
  readonly reason: string;
  readonly orReason?: string;
}

const mebibyte = 1_048_576;
/** The subscriber does not read a body larger than 1 MiB. */
const mostRead = mebibyte;
const sizes = [100_000, 2 * mebibyte] as const;
const [hugeShare, hugeBytes] = [0.2, 15 * mebibyte];
/** The client writes at most 64 KiB of headers, which include the headers that a dead letter adds. */
const headerBytes = 60_000;

/** Draws headers of nearly {@linkcode headerBytes}, with values of many lengths. */
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
 * Draws bodies until their sum reaches the budget: each poll of the dead letter queue fetches all of them.
 * @returns a function that returns `undefined` once the budget is used up
 */
export function largeBodies(random: Random, budgetBytes: number): () => LargeBody | undefined {
  let left = budgetBytes;
  return () => {
    const length = random.next() < hugeShare ? hugeBytes : random.int(...sizes);
    if (length > left) return undefined;
    left -= length;
    const body = new Uint8Array(length).fill(0xff);
    if (length > mostRead) return { body, reason: "rejected" };
    // When the broker refuses the subscriber's letter, the subscriber rejects the message, which dead-letters it.
    return { body, reason: "undecodable", orReason: "rejected" };
  };
}
