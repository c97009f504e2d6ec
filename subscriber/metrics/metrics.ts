/** `GET /metrics`, in Prometheus's text format. Every label has few values, all of them known here. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { deadReasons } from "../../shared/rabbitmq/outcome.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { version } from "../../shared/runtime/configuration/command.ts";
import type { WatchedRates } from "../rates/source.ts";
import type { DatabaseGate } from "../pipeline/database_gate.ts";
import { type Observer, type Stage, stages, type Stats } from "../pipeline/stats.ts";
import type { Depths } from "./queue_depths.ts";
import { dependencies, type ReadDependencies } from "./probes.ts";

const fast = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const latency = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const sizes = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_000];
const lags = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

export interface MetricsSources {
  readonly prefetch: number;
  readonly stats: Stats;
  readonly gate: DatabaseGate;
  readonly rates: WatchedRates;
  /** Deliveries in hand. */
  readonly unsettled: () => number;
  readonly batchesInFlight: () => number;
  /** When the oldest delivery in hand was published, milliseconds since 1970. */
  readonly oldestPublishedAtMs: () => number | undefined;
  /** Rejects when the broker does not answer: then its gauges are left out. */
  readonly depths: () => Promise<Depths>;
  readonly dependencies: ReadDependencies;
  readonly clock: Clock;
}

export class Metrics implements Observer {
  readonly #registry = new Registry();
  readonly #stages: Readonly<Record<Stage, { observe(seconds: number): void }>>;
  readonly #batches: Histogram;
  readonly #latency: Histogram;
  readonly #lag: Histogram;

  constructor() {
    const registers = [this.#registry];
    const stage = new Histogram({
      name: "casino_stage_seconds",
      help: "How long a batch's stages take; process goes from bytes to the commit, and decode is a part of it",
      labelNames: ["stage"],
      buckets: fast,
      registers,
    });
    // A rate over what is not there yet would be no rate rather than 0.
    for (const name of stages) stage.zero({ stage: name });
    const labelled = (name: Stage) => stage.labels({ stage: name });
    this.#stages = {
      decode: labelled("decode"),
      process: labelled("process"),
      rates: labelled("rates"),
      report: labelled("report"),
      settle: labelled("settle"),
    };
    this.#batches = new Histogram({
      ...{ name: "casino_batch_events", help: "Events in a batch", buckets: sizes, registers },
    });
    this.#latency = new Histogram({
      name: "casino_event_latency_seconds",
      help: "From an event's publication to its commit; of 16 events of each batch",
      buckets: latency,
      registers,
    });
    this.#lag = new Histogram({
      name: "casino_event_loop_lag_seconds",
      help: "How late a timer fires, because the thread was busy",
      buckets: lags,
      registers,
    });
  }

  stage(stage: Stage, ms: number): void {
    this.#stages[stage].observe(ms / 1000);
  }

  batch(events: number): void {
    this.#batches.observe(events);
  }

  latency(ms: number): void {
    this.#latency.observe(ms / 1000);
  }

  lag(ms: number): void {
    this.#lag.observe(ms / 1000);
  }

  /** What is not observed but read when it is asked for. */
  watch(sources: MetricsSources): void {
    const { stats, gate, rates, clock } = sources;
    const startedAtSeconds = clock.now() / 1000;
    this.#count("casino_events_total", "Deliveries by what became of them", "outcome", () => ({
      stored: stats.stored,
      dead: [...stats.dead.values()].reduce((sum, count) => sum + count, 0),
      delayed: stats.delayed,
      requeued: stats.requeued,
    }));
    this.#count(
      "casino_dead_letters_total",
      "Events that were dead-lettered",
      "reason",
      () => Object.fromEntries(deadReasons.map((reason) => [reason, stats.dead.get(reason) ?? 0])),
    );
    this.#count(
      "casino_events_without_player_total",
      "Stored events whose player is not known",
      () => stats.withoutPlayer,
    );
    this.#count("casino_batches_total", "Batches seen to their end", () => stats.batches);
    this.#count(
      "casino_batch_failures_total",
      "Batches lost to a fault of the subscriber's own",
      () => stats.failures,
    );
    this.#count("casino_stage_errors_total", "Stages that ended in an error", "stage", () => ({ ...stats.errors }));
    this.#count("casino_store_errors_total", "How often the database did not take a batch", () => gate.refusals);
    this.#count("casino_rates_calls_total", "Calls to the rates API", "result", () => ({
      ok: rates.counts.calls - rates.counts.failedCalls,
      failed: rates.counts.failedCalls,
    }));
    this.#count(
      "casino_rates_looks_total",
      "Looks for rates by what was found; own: this process has them, and asks nobody",
      "state",
      () => ({ own: rates.counts.ownUses, ...rates.counts.looks }),
    );
    this.#count(
      "casino_rates_timeouts_total",
      "Batches that found no rates within RATES_WAIT_MS",
      () => rates.counts.timeouts,
    );
    this.#count(
      "casino_rates_stale_uses_total",
      "Batches that were given rates past their time",
      () => rates.counts.staleUses,
    );

    this.#gauge("casino_batches_in_flight", "Batches that are not settled yet", sources.batchesInFlight);
    this.#gauge("casino_prefetch", "Most deliveries that the subscriber holds unacknowledged", () => sources.prefetch);
    this.#gauge("casino_unsettled_deliveries", "Deliveries that the subscriber holds", sources.unsettled);
    this.#gauge(
      "casino_oldest_event_seconds",
      "How long ago the oldest event in hand was published; 0 when there is none",
      () => Math.max(0, clock.now() - (sources.oldestPublishedAtMs() ?? Infinity)) / 1000,
    );
    this.#gauge(
      "casino_rates_left_out",
      "Entries of the last answer of the rates API that could not be used",
      () => rates.counts.leftOut,
    );
    this.#gauge("casino_rates_alone", "1 while rates are had without Redis", () => Number(rates.alone));
    this.#gauge("casino_rates_age_seconds", "Age of the rates in hand; none: no rates", () => {
      const own = rates.own;
      return own && (clock.now() - own.rates.asOfMs) / 1000;
    });
    this.#gauge("process_resident_memory_bytes", "Resident memory", () => Deno.memoryUsage().rss);
    this.#gauge("process_start_time_seconds", "When the process began, since 1970", () => startedAtSeconds);
    this.#gauge("casino_info", "Always 1", ["version"], (set) => set({ version }, 1));
    this.#gauge("casino_queue_messages", "Messages that wait in a queue", ["queue"], async (set) => {
      const { events, dead } = await sources.depths();
      set({ queue: "events" }, events.messages);
      set({ queue: "dead" }, dead.messages);
    });
    this.#gauge(
      "casino_queue_consumers",
      "Subscribers on the events queue",
      async () => (await sources.depths()).events.consumers,
    );
    this.#gauge("casino_dependency_up", "1 while it answers", ["dependency"], async (set) => {
      const states = await sources.dependencies();
      for (const dependency of dependencies) set({ dependency }, Number(states[dependency].ok));
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #count(name: string, help: string, read: () => number): void;
  #count(name: string, help: string, label: string, read: () => Record<string, number>): void;
  #count(
    name: string,
    help: string,
    ...rest: [() => number] | [string, () => Record<string, number>]
  ): void {
    const [label, read] = rest.length === 1 ? [undefined, rest[0]] : rest;
    new Counter({
      ...{ name, help, registers: [this.#registry], labelNames: label ? [label] : [] },
      collect() {
        const values = read();
        this.reset();
        if (typeof values === "number") this.inc(values);
        else for (const [value, count] of Object.entries(values)) this.inc({ [label!]: value }, count);
      },
    });
  }

  /** A value that cannot be had at the moment is left out, rather than shown as what it was. */
  #gauge(name: string, help: string, read: () => number | undefined | Promise<number>): void;
  #gauge(name: string, help: string, labelNames: string[], fill: (set: SetGauge) => void | Promise<void>): void;
  #gauge(
    name: string,
    help: string,
    ...rest: [() => number | undefined | Promise<number>] | [string[], (set: SetGauge) => void | Promise<void>]
  ): void {
    const [labelNames, fill] = rest.length === 1 ? [[], undefined] : rest;
    const read = rest.length === 1 ? rest[0] : undefined;
    new Gauge({
      ...{ name, help, registers: [this.#registry], labelNames },
      async collect() {
        this.reset();
        try {
          if (fill) await fill((labels, value) => this.set(labels, value));
          const value = await read?.();
          if (value === undefined) {
            if (read) this.remove();
          } else this.set(value);
        } catch {
          // With labels nothing is left since the reset; without, the reset has left a zero.
          if (read) this.remove();
        }
      },
    });
  }
}

type SetGauge = (labels: Record<string, string>, value: number) => void;
