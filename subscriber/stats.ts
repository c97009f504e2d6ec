import type { DeadReason } from "../shared/amqp/outcome.ts";
import type { Processed } from "./window.ts";

/** What a subscriber has done since it started: for its closing words now, for health and metrics later. */
export class Stats {
  /** Events acknowledged as stored; one that was delivered twice counts twice. */
  stored = 0;
  readonly dead = new Map<DeadReason, number>();
  /** Stored events whose player the database does not have. */
  withoutPlayer = 0;
  /** Put on a delay queue, to be tried again. */
  delayed = 0;
  /** Deliveries put back because the subscriber had to leave. */
  putBack = 0;
  windows = 0;
  /** Windows lost to a fault of ours. */
  failures = 0;
  /** Why the database does not take events at the moment; `undefined` while it does. */
  storeProblem: string | undefined;

  count(processed: readonly Processed[]): void {
    this.windows++;
    for (const { outcome, enriched } of processed) {
      if (outcome.kind === "ack") this.stored++;
      else if (outcome.kind === "retry") this.putBack++;
      else if (outcome.kind === "delay") this.delayed++;
      else this.dead.set(outcome.reason, (this.dead.get(outcome.reason) ?? 0) + 1);
      if (enriched && !enriched.player) this.withoutPlayer++;
    }
  }

  storeAnswers(problem: string | undefined): void {
    this.storeProblem = problem;
  }
}
