/** The status: the keys of `--json`, from which the screen is drawn as well. */
import type { Clock } from "../../shared/runtime/clock.ts";
import { redact } from "../../shared/runtime/secrets.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import type { Materialized } from "../../subscriber/dashboard/answers.ts";

export interface Status {
  /** RFC 3339. */
  readonly at: string;
  readonly queues: Part<Queues>;
  readonly lag: Lag;
  readonly rates: Part<RatesCache>;
  readonly totals: Part<Totals>;
}

/** One server's part, or the problem with it. */
export type Part<T> = Readonly<T> & { readonly problem: null } | { readonly problem: string };

export interface Queues {
  readonly events: QueueState;
  readonly dead_letters: QueueState;
  /** The delay queues, one for each of RETRY_DELAYS_MS. */
  readonly delayed: readonly QueueState[];
}

export interface QueueState {
  readonly name: string;
  /** Ready messages; `null`: the queue does not exist yet. */
  readonly messages: number | null;
  readonly consumers: number | null;
}

export interface Lag {
  readonly messages: number | null;
  /** At the pace of the last minute; `null` when that is not known. */
  readonly seconds: number | null;
}

export interface RatesCache {
  readonly state: "fresh" | "stale" | "none";
  readonly as_of: string | null;
  readonly currencies: number;
  /** Until they are stale, and until they are gone. */
  readonly fresh_ms: number | null;
  readonly usable_ms: number | null;
  readonly lock: {
    readonly state: "free" | "held" | "paused";
    readonly holder: string | null;
    readonly ttl_ms: number;
  };
}

export interface Totals extends Materialized {
  /** In the table; those that no keeper has moved yet are in their queue. */
  readonly dead_letters: number;
  /** Subscribers that stored an event in the last minute, the busiest first; at most 20. */
  readonly subscribers: readonly { readonly id: string; readonly events_per_minute: number }[];
}

/** A server that is asked again and again. */
export interface Reader<T> {
  /** @throws when the server does not answer, or does so with something else */
  read(): Promise<T>;
  close(): Promise<void>;
}

export interface Readers {
  readonly queues: Reader<Queues>;
  readonly rates: Reader<RatesCache>;
  readonly totals: Reader<Totals>;
}

/** Asks all servers at once; one that is away keeps the others from nothing. */
export async function readStatus({ queues, rates, totals }: Readers, clock: Clock): Promise<Status> {
  const [ofQueues, ofRates, ofTotals] = await Promise.all([part(queues), part(rates), part(totals)]);
  return {
    at: new Date(clock.now()).toISOString(),
    queues: ofQueues,
    lag: lagOf(ofQueues, ofTotals),
    rates: ofRates,
    totals: ofTotals,
  };
}

export function allAnswer({ queues, rates, totals }: Status): boolean {
  return [queues, rates, totals].every(({ problem }) => problem === null);
}

async function part<T>(reader: Reader<T>): Promise<Part<T>> {
  try {
    return { ...await reader.read(), problem: null };
  } catch (error) {
    return { problem: redact(messageOf(error)) };
  }
}

function lagOf(queues: Part<Queues>, totals: Part<Totals>): Lag {
  const messages = queues.problem === null ? queues.events.messages : null;
  const pace = totals.problem === null ? totals.events_per_second_moving_average : 0;
  return { messages, seconds: messages === 0 ? 0 : messages === null || pace === 0 ? null : messages / pace };
}
