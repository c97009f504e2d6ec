/** Writes dead letters: the body unchanged, the reason in headers that survive replay. */
import type { Delivery } from "../delivery.ts";
import type { Headers } from "../message.ts";
import { headersToKeep, ofOrigin, propertiesToKeep } from "../origin/origin.ts";
import type { Dead } from "../outcome.ts";
import { type Moved, publishUntilConfirmed, type UntilConfirmedOptions } from "./publish_until_confirmed.ts";

/** The headers of a dead letter. Times are RFC 3339. */
export const deadHeaders = {
  reason: "dead-reason",
  detail: "dead-detail",
  subscriber: "dead-subscriber",
  firstFailedAt: "dead-first-failed-at",
  lastFailedAt: "dead-last-failed-at",
  /** The number of times it was dead-lettered, over all replays. */
  attempts: "dead-attempts",
} as const;

/** amqplib rejects header tables over 64 KiB, and nobody reads longer details. */
export const maxDetailBytes = 2_048;

/**
 * A dead letter keeps the headers of its message, or none of them if they are nested deeper than this.
 *
 * amqplib reads and writes headers recursively. A frame has room for 26,000 levels, and V8's default stack for about
 * 4,000. Programs that read a queue run with `--stack-size=7000` (KB; Linux gives 8192). Otherwise such a message would
 * end their connection at each delivery.
 */
const maxKeptLevels = 16;

/** Characters of JSON. Longer headers may exceed a frame; AMQP's minimum frame size is 4 KiB. */
const mostInAnyFrame = 1_024;

export interface DeadLettersOptions extends UntilConfirmedOptions {
  readonly exchange: string;
  readonly subscriberId: string;
}

export class DeadLetters {
  constructor(private readonly options: DeadLettersOptions) {}

  async publish(delivery: Delivery, { reason, detail }: Dead, signal: AbortSignal): Promise<Moved> {
    const { exchange, subscriberId, clock } = this.options;
    const now = clock.now();
    return await publishUntilConfirmed(
      {
        exchange,
        messageId: delivery.messageId,
        body: delivery.body,
        headers: deadLetterHeaders(delivery, { reason, detail, subscriberId, now }),
        alone: areLarge(delivery.headers),
        properties: delivery.origin && propertiesToKeep(delivery.origin),
        timestampMs: delivery.timestampMs ?? now,
        appId: delivery.appId ?? "",
      },
      this.options,
      signal,
    );
  }
}

/** Returns a dead letter's headers: the message's own, how it arrived, and {@linkcode deadHeaders}. */
export function deadLetterHeaders(
  { headers, origin, sentId }: Pick<Delivery, "headers" | "origin" | "sentId">,
  failure: Failure,
): Headers {
  const before = hasLevels(headers, maxKeptLevels) ? headersToKeep(headers, origin, sentId) : ofOrigin(origin, sentId);
  return { ...before, ...deadHeadersOf(headers, failure) };
}

interface Failure {
  readonly reason: string;
  readonly detail: string;
  readonly subscriberId: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

function deadHeadersOf(before: Headers, { reason, detail, subscriberId, now }: Failure): Headers {
  const time = new Date(now).toISOString();
  const attempts = before[deadHeaders.attempts];
  return {
    [deadHeaders.reason]: reason,
    [deadHeaders.detail]: cutToBytes(detail, maxDetailBytes),
    [deadHeaders.subscriber]: subscriberId,
    [deadHeaders.firstFailedAt]: before[deadHeaders.firstFailedAt] ?? time,
    [deadHeaders.lastFailedAt]: time,
    [deadHeaders.attempts]: (typeof attempts === "number" ? attempts : 0) + 1,
  };
}

/** Whether a message with these headers must be sent alone. */
export function areLarge(headers: Headers): boolean {
  return hasLevels(headers, maxKeptLevels) && JSON.stringify(headers).length > mostInAnyFrame;
}

function hasLevels(value: unknown, most: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return most > 0 && Object.values(value).every((inner) => hasLevels(inner, most - 1));
}

function cutToBytes(text: string, most: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= most) return text;
  // A cut inside a character decodes to a replacement character at the end.
  return `${new TextDecoder().decode(bytes.subarray(0, most - 3)).replace(/\uFFFD$/, "")}…`;
}
