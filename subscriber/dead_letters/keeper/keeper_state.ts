/** The state of a keeper, for metrics, the dashboard and the log. */
import type { Clock } from "../../../shared/runtime/clock.ts";
import { plural } from "../../../shared/runtime/printable.ts";
import type { Log } from "../../../shared/runtime/telemetry/log.ts";
import type { LetterRow } from "../letter_row.ts";
import type { RejectedTold } from "./rejected_letters.ts";

/** The broker's reasons; `other` stands for all other reasons. */
export const brokerReasons = ["delivery-limit", "expired", "maxlen", "rejected", "other"] as const;
type BrokerReason = typeof brokerReasons[number];

type Letter = LetterRow["letter"];

/** Reasons of events that a policy removed from our queues before any member processed them. */
const byPolicy: readonly string[] = ["expired", "maxlen"];

/** How long the dashboard shows the last action of a policy (ms). */
const toldForMs = 600_000;

interface Telling {
  readonly clock: Clock;
  readonly log: Log;
}

export class KeeperState {
  /** Why Postgres does not take letters; `undefined` while it does. */
  held: string | undefined;
  /** Why the broker refuses the keeper; `undefined` while it does not. */
  refused: string | undefined;
  /** Held letters that are too large to read: their number, and the last one. */
  unread: { readonly letters: number; readonly messageId: string; readonly bytes: number } | undefined;
  /** Held letters that Postgres rejects individually: their number, and one of them. */
  rejected: RejectedTold | undefined;
  /** Unacknowledged letters of this keeper. */
  inHand = 0;
  /** Letters that this keeper has moved into the table. */
  kept = 0;
  /** Moved letters that the broker dead-lettered, by reason. */
  readonly byBroker = new Map<BrokerReason, number>();
  /** How often the queue became shorter while no keeper took from it. */
  shrinks = 0;
  #depth: { readonly messageCount: number; readonly consumerCount: number } | undefined;
  #told: { readonly problem: string; readonly atMs: number } | undefined;

  constructor(private readonly queue: string) {}

  /**
   * Held letters, which the queue's length does not contain. While Postgres takes letters, only rejected and unread
   * letters count: the other letters in hand are stored within a moment.
   */
  get waiting(): number {
    if (this.held !== undefined) return this.inHand;
    return (this.rejected?.letters ?? 0) + (this.unread?.letters ?? 0);
  }

  /** Returns the keeper's current problems, a sentence each. */
  problems({ clock }: Pick<Telling, "clock">): string[] {
    const problems: string[] = [];
    if (this.refused !== undefined) {
      problems.push(
        `Dead letters stay in ${this.queue}, because the broker rejects the keeper (${this.refused}): ` +
          "set DEAD_LETTER_RABBITMQ_URL to a user that may read the queue, or DEAD_LETTER_KEEPER=off.",
      );
    } else if (this.held !== undefined) {
      const inHand = this.inHand > 0 ? `; this subscriber holds ${this.inHand} of them` : "";
      problems.push(`Dead letters wait in ${this.queue}: Postgres does not accept them (${this.held})${inHand}.`);
    }
    if (this.rejected) {
      const { letters, messageId, problem } = this.rejected;
      const which = letters === 1 ? `the dead letter ${messageId}` : `${letters} dead letters, including ${messageId}`;
      problems.push(
        `Postgres rejects ${which} (${problem}): ${letters === 1 ? "it stays" : "they stay"} in ${this.queue}, ` +
          "and the keeper tries again.",
      );
    }
    if (this.unread) {
      const { letters, messageId, bytes } = this.unread;
      problems.push(
        `${
          letters === 1 ? "A dead letter stays" : `${letters} dead letters stay`
        } in ${this.queue}, too large for the ` +
          `keeper: ${messageId} has ${bytes} bytes. Set DEAD_LETTER_KEEPER=off, and remove it with another tool.`,
      );
    }
    if (this.#told && clock.monotonic() - this.#told.atMs < toldForMs) problems.push(this.#told.problem);
    return problems;
  }

  /**
   * Watches the queue's length while letters are held. Without other consumers the queue can only grow, unless a policy
   * drops letters.
   * @param own number of this keeper's consumers
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
      cause: "a policy with message-ttl or max-length drops letters, or another program takes them one by one",
    });
    this.tell(
      `${
        plural(missing, "letter")
      } left ${this.queue} while Postgres accepted none: a policy of the broker drops them, ` +
        "or another program takes them.",
      telling,
    );
  }

  /** Forgets the queue's last length: once letters are moved again, the queue may become shorter. */
  forgetDepth(): void {
    this.#depth = undefined;
  }

  tell(problem: string, { clock }: Pick<Telling, "clock">): void {
    this.#told = { problem, atMs: clock.monotonic() };
  }
}

/** Counts letters that are now in the table, and reports letters that a broker policy dead-lettered. */
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
      cause: reason === "expired" ? "message-ttl, or the message's own expiration" : "max-length",
    });
    state.tell(
      `A policy of the broker removes unprocessed events from their queue (${reason}): delete the policy's ` +
        `${reason === "expired" ? "message-ttl" : "max-length"}, then replay the letters.`,
      telling,
    );
  }
}
