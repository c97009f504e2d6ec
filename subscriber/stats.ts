import type { DeadReason } from "../shared/amqp/outcome.ts";
import type { Processed } from "./window.ts";

/** The parts of a window's way whose time is measured; `process` ends with the commit. */
export const stages = ["decode", "process", "report", "settle"] as const;
export type Stage = (typeof stages)[number];

/** Is told how long things take; times in ms. */
export interface Observer {
  stage(stage: Stage, ms: number): void;
  window(events: number): void;
  /** From an event's publication to its commit; of some events of each window. */
  latency(ms: number): void;
}

const nobody: Observer = { stage() {}, window() {}, latency() {} };

/** What a subscriber has done since it started: for its closing words, its health and its metrics. */
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
  /** How often the database did not take a window. */
  storeErrors = 0;
  /** Why the database does not take events at the moment; `undefined` while it does. */
  storeProblem: string | undefined;
  /** How old the oldest event of the newest window was when it was taken, in ms. */
  oldestMs = 0;

  constructor(readonly observer: Observer = nobody) {}

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
    if (problem !== undefined) this.storeErrors++;
    this.storeProblem = problem;
  }
}
