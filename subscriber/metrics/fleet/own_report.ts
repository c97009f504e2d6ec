/** A subscriber's own report, and the loop that sends it. */
import { describeHeld, type HeldMessages } from "../../../shared/rabbitmq/consume/held_messages.ts";
import { type Clock, sleepToTick } from "../../../shared/runtime/clock.ts";
import { version } from "../../../shared/runtime/configuration/command.ts";
import { printable } from "../../../shared/runtime/printable.ts";
import { redact } from "../../../shared/runtime/secrets.ts";
import type { HeldBatch } from "../../pipeline/middleware/held_batches.ts";
import type { Fleet, Question, SubscriberReport } from "./fleet.ts";

export interface OwnState {
  readonly subscriberId: string;
  readonly gate: { readonly problem: string | undefined };
  readonly heldBatches: { readonly oldest: HeldBatch | undefined };
  /** Whether deliveries can arrive. */
  readonly consuming: () => boolean;
  /** Deliveries in hand. */
  readonly unsettled: () => number;
  readonly batchesInFlight: () => number;
  /** When the longest-held delivery arrived, monotonic ms; `undefined` when there is none. */
  readonly inHandSince: () => number | undefined;
  /** When the oldest delivery in hand was published, milliseconds since 1970; `undefined` when there is none. */
  readonly oldestPublishedAtMs: () => number | undefined;
  /** Messages that the consumer can only hold. The embedded demo has none. */
  readonly heldMessages?: () => HeldMessages | undefined;
  /** EVENTS_SHARDS_TAKEN */
  readonly takes?: readonly number[];
  /** Aborted when the subscriber begins to shut down. */
  readonly leaving: AbortSignal;
  readonly clock: Clock;
}

/** Longest text of an error, in UTF-16 code units. */
const mostOfError = 500;
const [beatMs, idleBeatMs] = [1_000, 2_000];

export class OwnReport {
  #state: SubscriberReport["state"] | undefined;
  #since = 0;
  #lastError: { readonly problem: string; readonly at: number } | undefined;

  constructor(private readonly of: OwnState) {}

  /** Whether the subscriber holds only messages beside which the broker still delivers others. */
  get takesMore(): boolean {
    const { heldBatches, gate, heldMessages } = this.of;
    return heldBatches.oldest === undefined && gate.problem === undefined && (heldMessages?.()?.takesMore ?? false);
  }

  /** Returns the present report. A change between two calls goes unseen. */
  read(): SubscriberReport {
    const { subscriberId, heldBatches, gate, leaving, consuming, unsettled, batchesInFlight, clock, inHandSince } =
      this.of;
    const { takes = [] } = this.of;
    const now = clock.monotonic();
    const messages = this.of.heldMessages?.();
    const held = heldBatches.oldest;
    const problem = held?.problem ?? gate.problem ?? (messages && describeHeld(messages));
    if (problem !== undefined) this.#lastError = { problem: printable(redact(problem), mostOfError), at: now };
    const state = problem !== undefined
      ? "holding"
      : leaving.aborted
      ? "leaving"
      : consuming()
      ? "working"
      : "connecting";
    if (state !== this.#state) [this.#state, this.#since] = [state, now];
    if (held) this.#since = held.since;
    else if (messages && gate.problem === undefined) this.#since = messages.since;
    return {
      id: subscriberId,
      version,
      state,
      state_ms: Math.round(now - this.#since),
      consuming: consuming() && !leaving.aborted,
      events: unsettled(),
      batches: batchesInFlight(),
      oldest_ms: Math.round(oldestMs(this.of)),
      held_ms: Math.round(now - Math.min(inHandSince() ?? now, messages?.since ?? now)),
      ...takes.length > 0 && { takes },
      last_error: this.#lastError?.problem ?? null,
      last_error_ms: this.#lastError ? Math.round(now - this.#lastError.at) : null,
    };
  }
}

/** Whether the subscriber waits for events and holds none. Nobody asks it where an event is. */
function isIdle({ state, events }: SubscriberReport): boolean {
  return state === "working" && events === 0;
}

/** Returns the age in ms of the oldest event in hand; 0 when there is none. Events in the queue are younger. */
function oldestMs({ oldestPublishedAtMs, heldMessages, clock }: OwnState): number {
  const oldest = Math.min(oldestPublishedAtMs() ?? Infinity, heldMessages?.()?.oldestPublishedAtMs ?? Infinity);
  return Math.max(0, clock.now() - oldest);
}

/**
 * Reports every second, and answers questions. An idle subscriber reports every other second.
 * @param answer returns the answer to a question's text
 * @returns a function that stops the reports and removes the subscriber
 */
export function keepTelling(
  fleet: Pick<Fleet, "answer" | "leave" | "tell">,
  own: OwnReport,
  clock: Clock,
  answer: (question: string) => string,
): () => Promise<void> {
  /** The open questions that are answered. */
  let answered: ReadonlySet<string> = new Set();
  const ended = new AbortController();
  const telling = tellUntilEnded();
  return async () => {
    ended.abort(new Error("the subscriber has shut down"));
    await telling;
    // When Redis is away, the others show this subscriber as silent, with nothing in hand.
    await fleet.leave(own.read().id).catch(() => {});
  };

  async function tellUntilEnded(): Promise<void> {
    while (!ended.signal.aborted) {
      const report = own.read();
      // Ignore the error: when reports cannot be written, reading them fails too and reports the problem.
      const isTold = await fleet.tell(report).then(answerNew).then(() => true, () => false);
      await sleepToTick(clock, isTold && isIdle(report) ? idleBeatMs : beatMs, ended.signal).catch(() => {});
    }
  }

  async function answerNew(questions: readonly Question[]): Promise<void> {
    const fresh = questions.filter(({ id }) => !answered.has(id));
    answered = new Set(questions.map(({ id }) => id));
    for (const { id, text } of fresh) await fleet.answer(id, own.read().id, answer(text));
  }
}
