import type { DeadReason } from "../shared/amqp/outcome.ts";
import { publishedAtMs } from "../shared/amqp/published_at.ts";
import type { Clock } from "../shared/clock.ts";
import type { Processed } from "./window.ts";

/** The parts of a window's way whose time is measured; `rates` is a wait for them, `process` ends with the commit. */
export const stages = ["decode", "rates", "process", "report", "settle"] as const;
export type Stage = (typeof stages)[number];

/** Is told how long things take; times in ms. */
export interface Observer {
  stage(stage: Stage, ms: number): void;
  window(events: number): void;
  /** From an event's publication to its commit; of some events of each window. */
  latency(ms: number): void;
}

/** Of a window that has as many. */
const fewestLatencies = 16;
/** How far the clocks of a publisher and a subscriber may be apart. */
const mostSkewMs = 1_000;

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
  /** How often a stage ended in an error; what follows from it is another's matter. */
  readonly errors: Record<Stage, number> = { decode: 0, rates: 0, process: 0, report: 0, settle: 0 };

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

  /**
   * How large the window was and how old its events are. Of a large one only some are looked at: they were published in the
   * order in which they came.
   * @param now milliseconds since 1970
   */
  observe(processed: readonly Processed[], now: number): void {
    this.observer.window(processed.length);
    const step = Math.max(1, Math.floor(processed.length / fewestLatencies));
    for (let i = 0; i < processed.length; i += step) {
      const { delivery, outcome } = processed[i]!;
      const published = outcome.kind === "ack" ? publishedAtMs(delivery) : undefined;
      // From the future: the publisher's clock is wrong, by more than clocks that are kept together may be.
      if (published === undefined || published - now > mostSkewMs) continue;
      this.observer.latency(Math.max(0, now - published));
    }
  }

  storeAnswers(problem: string | undefined): void {
    if (problem !== undefined) this.storeErrors++;
    this.storeProblem = problem;
  }
}
