import type { DeadReason } from "../../shared/rabbitmq/outcome.ts";
import { isNew, type Processed } from "./entry.ts";

/** The stages whose time is measured. `process` is one attempt, from bytes to the commit; `decode` is a part of it. */
export const stages = ["decode", "rates", "process", "report", "settle"] as const;
export type Stage = (typeof stages)[number];

/** Receives measurements; times in ms. */
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
  /** Deliveries of events that were stored before, by an earlier delivery or by an attempt whose answer was lost. */
  duplicates = 0;
  readonly dead = new Map<DeadReason, number>();
  /** Stored events whose player the database does not have. */
  withoutPlayer = 0;
  /** Deliveries requeued because the subscriber had to leave. */
  requeued = 0;
  batches = 0;
  /** Batches lost to a fault of ours. */
  failures = 0;
  /** How often a stage ended in an error. */
  readonly errors: Record<Stage, number> = { decode: 0, rates: 0, process: 0, report: 0, settle: 0 };

  constructor(readonly observer: Observer = nobody) {}

  /** An entry that waits for rates is counted with the later batch that it joins. */
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
