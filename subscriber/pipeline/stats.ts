import type { DeadReason } from "../../shared/rabbitmq/outcome.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { isStored, type Processed } from "./entry.ts";

/**
 * The parts of a batch's way whose time is measured: `process` is one attempt, from bytes to the commit, and `decode` a part
 * of it; `rates` is a wait for them.
 */
export const stages = ["decode", "rates", "process", "report", "settle"] as const;
export type Stage = (typeof stages)[number];

/** Is told how long things take; times in ms. */
export interface Observer {
  stage(stage: Stage, ms: number): void;
  batch(events: number): void;
  /** From an event's publication to its commit; of some events of each batch. */
  latency(ms: number): void;
}

const nobody: Observer = { stage() {}, batch() {}, latency() {} };

/** What a subscriber has done since it started: for its closing words and its metrics. */
export class Stats {
  /** Events acknowledged as stored; one that was delivered twice counts twice. */
  stored = 0;
  readonly dead = new Map<DeadReason, number>();
  /** Stored events whose player the database does not have. */
  withoutPlayer = 0;
  /** Put on a delay queue, to be tried again. */
  delayed = 0;
  /** Deliveries requeued because the subscriber had to leave. */
  requeued = 0;
  batches = 0;
  /** Batches lost to a fault of ours. */
  failures = 0;
  /** How often a stage ended in an error; what follows from it is another's matter. */
  readonly errors: Record<Stage, number> = { decode: 0, rates: 0, process: 0, report: 0, settle: 0 };

  constructor(readonly observer: Observer = nobody) {}

  /** What waits for rates is counted with the batch that it joins later. */
  count(processed: readonly Processed[]): void {
    let waiting = 0;
    for (const entry of processed) {
      const { outcome } = entry;
      if (outcome.kind === "ack") this.stored++;
      else if (outcome.kind === "wait") waiting++;
      else if (outcome.kind === "requeue") this.requeued++;
      else if (outcome.kind === "delay") this.delayed++;
      else this.dead.set(outcome.reason, (this.dead.get(outcome.reason) ?? 0) + 1);
      if (isStored(entry) && !entry.facts.player) this.withoutPlayer++;
    }
    if (waiting === processed.length) return;
    this.batches++;
    this.observer.batch(processed.length - waiting);
  }

  /** Does the work, and notes how long that took, whether or not it came to a good end. */
  timed<T>(stage: Stage, clock: Clock, work: () => T): T {
    const begun = clock.monotonic();
    const noted = () => this.observer.stage(stage, clock.monotonic() - begun);
    const failed = (error: unknown) => {
      this.errors[stage]++;
      noted();
      throw error;
    };
    let result;
    try {
      result = work();
    } catch (error) {
      return failed(error);
    }
    if (!(result instanceof Promise)) noted();
    else {
      return result.then((value) => {
        noted();
        return value;
      }, failed) as T;
    }
    return result;
  }
}
