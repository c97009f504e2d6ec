import type { DeadReason } from "../../shared/rabbitmq/outcome.ts";
import { isNew, type Processed } from "./entry.ts";

/** The measured stages. `process` is one attempt, from bytes to the commit; `decode` is a part of it. */
export const stages = ["decode", "rates", "process", "report", "settle"] as const;
export type Stage = (typeof stages)[number];

/** Receives measurements. Times are in ms. */
export interface Observer {
  stage(stage: Stage, ms: number): void;
  batch(events: number): void;
  /** From an event's publication to its commit, for some events of each batch. */
  latency(ms: number): void;
}

const nobody: Observer = { stage() {}, batch() {}, latency() {} };

/** A subscriber's counts since its start. */
export class Stats {
  /** Events stored by this subscriber. */
  stored = 0;
  /** Deliveries whose event an earlier delivery stored, or an attempt whose answer was lost. */
  duplicates = 0;
  readonly dead = new Map<DeadReason, number>();
  /** Stored events whose player is not in the database. */
  withoutPlayer = 0;
  /** Deliveries requeued at shutdown, or because their channel is lost. */
  requeued = 0;
  batches = 0;
  /** Batches requeued because of a fault in our code. */
  failures = 0;
  /** Errors by stage. */
  readonly errors: Record<Stage, number> = { decode: 0, rates: 0, process: 0, report: 0, settle: 0 };

  constructor(readonly observer: Observer = nobody) {}

  /** Counts the outcomes of a batch. An entry that waits for rates is counted with the later batch that it joins. */
  count(processed: readonly Processed[]): void {
    let waiting = 0;
    for (const entry of processed) {
      const { outcome } = entry;
      if (outcome.kind === "ack") outcome.isDuplicate ? this.duplicates++ : this.stored++;
      else if (outcome.kind === "wait") waiting++;
      else if (outcome.kind === "requeue") this.requeued++;
      else this.dead.set(outcome.reason, (this.dead.get(outcome.reason) ?? 0) + 1);
      if (isNew(entry) && !entry.facts.player) this.withoutPlayer++;
    }
    if (waiting === processed.length) return;
    this.batches++;
    this.observer.batch(processed.length - waiting);
  }
}
