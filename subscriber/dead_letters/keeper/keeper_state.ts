/** How a keeper does: for metrics, the page, and whoever reads the log. */
import type { Clock } from "../../../shared/runtime/clock.ts";
import type { Log } from "../../../shared/runtime/telemetry/log.ts";
import type { LetterRow } from "../letter_row.ts";
import type { RejectedTold } from "./rejected_letters.ts";

/** The broker's own reasons, and `other` for what is none of them. */
export const brokerReasons = ["delivery-limit", "expired", "maxlen", "rejected", "other"] as const;
type BrokerReason = typeof brokerReasons[number];

type Letter = LetterRow["letter"];

/** What a policy takes out of a queue of ours, which no member ever looked at. */
const byPolicy: readonly string[] = ["expired", "maxlen"];

/** How long a page tells of what a policy did last. */
const toldForMs = 600_000;

interface Telling {
  readonly clock: Clock;
  readonly log: Log;
}

export class KeeperState {
  /** Why Postgres does not take letters at the moment. */
  held: string | undefined;
  /** Why the broker does not let it keep letters. */
  refused: string | undefined;
  /** Letters too large to be read, which it holds: how many, and the last of them. */
  unread: { readonly letters: number; readonly messageId: string; readonly bytes: number } | undefined;
  /** Letters that Postgres rejects each for its own sake, which it holds: how many, and one of them. */
  rejected: RejectedTold | undefined;
  /** Letters that it has from the queue and has not acknowledged. */
  inHand = 0;
  /** Letters that it has moved into the table. */
  kept = 0;
  /** Those among them that the broker itself dead-lettered. */
  readonly byBroker = new Map<BrokerReason, number>();
  /** How often the queue became shorter while no keeper could have taken from it. */
  shrinks = 0;
  #depth: { readonly messageCount: number; readonly consumerCount: number } | undefined;
  #told: { readonly problem: string; readonly atMs: number } | undefined;

  constructor(private readonly queue: string) {}

  /** Letters that wait unacknowledged, which the queue's length leaves out. While others are kept, one in hand is gone in a moment. */
  get waiting(): number {
    if (this.held !== undefined) return this.inHand;
    return (this.rejected?.letters ?? 0) + (this.unread?.letters ?? 0);
  }

  /** Sentences. */
  problems({ clock }: Pick<Telling, "clock">): string[] {
    const problems: string[] = [];
    if (this.refused !== undefined) {
      problems.push(
        `Dead letters stay in ${this.queue}, for the broker refuses their keeper (${this.refused}): ` +
          "DEAD_LETTER_RABBITMQ_URL names a user that may read it, or DEAD_LETTER_KEEPER=off.",
      );
    } else if (this.held !== undefined) {
      const inHand = this.inHand > 0 ? `; ${this.inHand} of them are in this subscriber's hands` : "";
      problems.push(`Dead letters wait in ${this.queue}: Postgres does not take them (${this.held})${inHand}.`);
    }
    if (this.rejected) {
      const { letters, messageId, problem } = this.rejected;
      const which = letters === 1 ? `the dead letter ${messageId}` : `${letters} dead letters, ${messageId} among them`;
      problems.push(
        `Postgres rejects ${which} (${problem}): ${letters === 1 ? "it stays" : "they stay"} in ${this.queue}, ` +
          "and the keeper tries again by itself.",
      );
    }
    if (this.unread) {
      const { letters, messageId, bytes } = this.unread;
      problems.push(
        `${letters === 1 ? "A dead letter stays" : `${letters} dead letters stay`} in ${this.queue}, too large to be ` +
          `read: ${messageId} has ${bytes} bytes. Take it with a tool of your own under DEAD_LETTER_KEEPER=off.`,
      );
    }
    if (this.#told && clock.monotonic() - this.#told.atMs < toldForMs) problems.push(this.#told.problem);
    return problems;
  }

  /**
   * The queue's length while letters are held. Without other consumers it can only grow, unless a policy drops letters.
   * @param own how many of its consumers are this keeper's
   */
  watchDepth(
    depth: { readonly messageCount: number; readonly consumerCount: number },
    own: number,
    telling: Telling,
  ): void {
    const before = this.#depth;
    this.#depth = depth;
    if (!before || before.consumerCount > own || depth.consumerCount > own) return;
    const missing = before.messageCount - depth.messageCount;
    if (missing <= 0) return;
    this.shrinks++;
    telling.log.warn("The dead letter queue became shorter while its letters are held", {
      ...{ event: "dead_letters.queue_shrank", queue: this.queue, letters: missing },
      cause: "a policy with message-ttl or max-length drops letters, or another program gets them one by one",
    });
    this.tell(
      `${missing} letters left ${this.queue} while Postgres did not take any: a policy of the broker drops them, ` +
        "or another program takes them.",
      telling,
    );
  }

  /** A keeper that goes on knows nothing of how the queue was before. */
  forgetDepth(): void {
    this.#depth = undefined;
  }

  tell(problem: string, { clock }: Pick<Telling, "clock">): void {
    this.#told = { problem, atMs: clock.monotonic() };
  }
}

/** Counts letters that are in the table now, and tells of those that no member gave up. */
export function noteKept(state: KeeperState, letters: readonly Letter[], telling: Telling): void {
  state.kept += letters.length;
  state.forgetDepth();
  const policy = new Map<string, Letter[]>();
  for (const letter of letters) {
    if (!letter.byBroker) continue;
    const reason = brokerReasons.find((known) => known === letter.reason) ?? "other";
    state.byBroker.set(reason, (state.byBroker.get(reason) ?? 0) + 1);
    if (byPolicy.includes(letter.reason)) policy.set(letter.reason, [...policy.get(letter.reason) ?? [], letter]);
  }
  for (const [reason, taken] of policy) {
    telling.log.warn("A policy of the broker dead-letters events that nobody processed", {
      ...{ event: "dead_letters.by_policy", reason, letters: taken.length, messageId: taken[0]!.messageId },
      cause: reason === "expired" ? "message-ttl, or an expiration of the message's own" : "max-length",
    });
    state.tell(
      `A policy of the broker takes events out of their queue unprocessed (${reason}): remove its ` +
        `${reason === "expired" ? "message-ttl" : "max-length"}, then replay the letters.`,
      telling,
    );
  }
}
