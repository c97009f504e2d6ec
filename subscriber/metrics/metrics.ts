/** `GET /metrics`, in Prometheus's text format. Every label has few values, all of them known in advance. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { deadReasons } from "../../shared/rabbitmq/outcome.ts";
import { type Clock, sleepToTick } from "../../shared/runtime/clock.ts";
import { version } from "../../shared/runtime/configuration/command.ts";
import { brokerReasons } from "../dead_letters/keeper/keeper_state.ts";
import { type Observer, type Stage, stages } from "../pipeline/stats.ts";
import { dependencies } from "./probes.ts";
import { oldestMsOf, subscriberStates } from "./fleet/fleet_view.ts";
import type { Sources } from "./sources.ts";

const fast = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const latency = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const sizes = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_000];
const lags = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const lagEveryMs = 2_000;

/** Results of a token that was sent over HTTP. */
export const signInResults = ["ok", "failed", "refused"] as const;
export type SignIn = typeof signInResults[number];

export class Metrics implements Observer {
  readonly #registry = new Registry();
  readonly #stages: Readonly<Record<Stage, { observe(seconds: number): void }>>;
  readonly #batches: Histogram;
  readonly #latency: Histogram;
  readonly #lag: Histogram;
  readonly #signIns: Counter;

  constructor() {
    const registers = [this.#registry];
    const stage = new Histogram({
      name: "casino_stage_seconds",
      help: "Duration of a batch's stages; process covers everything from the bytes to the commit, including decode",
      labelNames: ["stage"],
      buckets: fast,
      registers,
    });
    // Prometheus computes no rate from the first sample of a series, so each series starts with a zero.
    for (const name of stages) stage.zero({ stage: name });
    const labelled = stages.map((name) => [name, stage.labels({ stage: name })] as const);
    this.#stages = Object.fromEntries(labelled) as Record<Stage, typeof labelled[0][1]>;
    this.#batches = new Histogram({
      ...{ name: "casino_batch_events", help: "Events in a batch", buckets: sizes, registers },
    });
    this.#latency = new Histogram({
      name: "casino_event_latency_seconds",
      help: "Time from an event's publication to its commit, sampled from 16 events of each batch",
      buckets: latency,
      registers,
    });
    this.#lag = new Histogram({
      name: "casino_event_loop_lag_seconds",
      help: "Delay of a timer, because the thread was busy",
      buckets: lags,
      registers,
    });
    this.#signIns = new Counter({
      name: "casino_sign_ins_total",
      help:
        "Tokens received over HTTP by result; ok: signed in on the dashboard; refused: sent after too many wrong tokens",
      labelNames: ["result"],
      registers,
    });
    for (const result of signInResults) this.#signIns.inc({ result }, 0);
  }

  stage(stage: Stage, ms: number): void {
    this.#stages[stage].observe(ms / 1000);
  }

  batch(events: number): void {
    this.#batches.observe(events);
  }

  signIn(result: SignIn): void {
    this.#signIns.inc({ result });
  }

  latency(ms: number): void {
    this.#latency.observe(ms / 1000);
  }

  /** Observes every other second how late a timer fires, until the signal is aborted. */
  async watchEventLoop(clock: Clock, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const lateMs = await sleepToTick(clock, lagEveryMs, stop).catch(() => 0);
      if (!stop.aborted) this.#lag.observe(lateMs / 1000);
    }
  }

  /** Registers the metrics that are read at each request. */
  watch(sources: Sources): void {
    const { stats, gate, rates, keeper, clock } = sources;
    const counts = () => rates.counts;
    const startedAtSeconds = clock.now() / 1000;
    const sum = (numbers: Iterable<number>) => [...numbers].reduce((all, one) => all + one, 0);

    this.#counter("casino_events_total", "Deliveries by outcome", () => ({
      ...{
        stored: stats.stored,
        duplicate: stats.duplicates,
        dead: sum(stats.dead.values()),
        requeued: stats.requeued,
      },
    }), "outcome");
    this.#counter("casino_dead_letters_total", "Events that were dead-lettered", () => (
      Object.fromEntries(deadReasons.map((reason) => [reason, stats.dead.get(reason) ?? 0]))
    ), "reason");
    this.#counter("casino_dead_letters_kept_total", "Dead letters moved into the table", () => keeper.kept);
    this.#counter(
      "casino_dead_letters_by_broker_total",
      "Dead letters moved into the table that RabbitMQ itself dead-lettered",
      () => (
        Object.fromEntries(brokerReasons.map((reason) => [reason, keeper.byBroker.get(reason) ?? 0]))
      ),
      "reason",
    );
    this.#counter(
      "casino_dead_letter_queue_shrinks_total",
      "Number of times that the dead letter queue became shorter while its letters were held",
      () => keeper.shrinks,
    );
    this.#counter(
      "casino_events_without_player_total",
      "Stored events of unknown players",
      () => stats.withoutPlayer,
    );
    this.#counter("casino_batches_total", "Batches that ended", () => stats.batches);
    this.#counter(
      "casino_batch_failures_total",
      "Batches requeued because of an unexpected error in the subscriber's code",
      () => stats.failures,
    );
    this.#counter("casino_stage_errors_total", "Stages that ended in an error", () => stats.errors, "stage");
    this.#counter(
      "casino_store_errors_total",
      "Number of times that the database did not accept a batch",
      () => gate.refusals,
    );
    this.#counter("casino_rates_calls_total", "Calls to the rates API", () => ({
      ...{ ok: counts().calls - counts().failedCalls, failed: counts().failedCalls },
    }), "result");
    this.#counter(
      "casino_rates_looks_total",
      "Lookups of rates by result; own: the process had a fresh copy",
      () => ({ own: counts().ownUses, ...counts().looks }),
      "state",
    );
    this.#counter(
      "casino_rates_timeouts_total",
      "Batches that found no rates within RATES_WAIT_MS",
      () => counts().timeouts,
    );
    this.#counter(
      "casino_rates_stale_uses_total",
      "Batches that used stale rates",
      () => counts().staleUses,
    );

    this.#gauge("casino_batches_in_flight", "Unsettled batches", sources.batchesInFlight);
    this.#gauge(
      "casino_prefetch",
      "Highest number of unacknowledged deliveries in the subscriber",
      () => sources.prefetch,
    );
    this.#gauge("casino_unsettled_deliveries", "Unsettled deliveries in the subscriber", sources.unsettled);
    this.#gauge(
      "casino_oldest_event_seconds",
      "Time since the publication of the oldest event in hand in any subscriber; 0 without events in hand",
      async () => oldestMsOf(await sources.subscribers()) / 1000,
    );
    this.#gauge(
      "casino_rates_left_out",
      "Invalid entries in the last answer of the rates API",
      () => counts().leftOut,
    );
    this.#gauge("casino_rates_alone", "1 while the subscriber gets rates without Redis", () => Number(rates.alone));
    this.#gauge("casino_rates_age_seconds", "Age of the current rates; no value without rates", () => {
      const own = rates.own;
      return own && (clock.now() - own.rates.asOfMs) / 1000;
    });
    this.#gauge("process_resident_memory_bytes", "Resident memory", () => Deno.memoryUsage().rss);
    this.#gauge("process_start_time_seconds", "Start time of the process, since 1970", () => startedAtSeconds);
    this.#gauge("casino_info", "Always 1", () => ({ [version]: 1 }), "version");
    this.#gauge("casino_dead_letters", "Dead letters in the table", async () => (await sources.deadLetters()).dead);
    this.#gauge(
      "casino_dead_letters_untended",
      "Dead letters in the table that nobody has taken",
      async () => (await sources.deadLetters()).untended,
    );
    this.#gauge(
      "casino_dead_letters_held",
      "1 while Postgres or the broker prevents this subscriber from moving dead letters into the table",
      () => Number((keeper.held ?? keeper.refused) !== undefined),
    );
    this.#gauge(
      "casino_dead_letters_waiting",
      "Dead letters that this subscriber holds unacknowledged, because Postgres does not accept them",
      () => keeper.waiting,
    );
    this.#gauge(
      "casino_totals_lag_seconds",
      "Age of the oldest stored batch that no subscriber has added to player_totals and event_counts",
      async () => (await sources.totals()).lagSeconds,
    );
    this.#gauge(
      "casino_events_partition_runway_days",
      "Days ahead for which partitions of events exist; no value if the table is not partitioned",
      sources.runway,
    );
    this.#gauge(
      "casino_retention_age_seconds",
      "Time since deno task retention last ended without an error; without such a run, since the history begins",
      sources.retentionAge,
    );
    this.#gauge(
      "casino_queue_messages",
      "Ready messages by queue; unacknowledged: events in hand in subscribers",
      async () => {
        const [{ events, dead }, { unacknowledged }] = await Promise.all([sources.depths(), sources.subscribers()]);
        const held = unacknowledged !== null && { unacknowledged };
        return { events: events.messages, dead: dead.messages, ...held };
      },
      "queue",
    );
    this.#gauge("casino_subscribers", "Subscribers by state; holding: a batch makes no progress", async () => {
      const { subscribers } = await sources.subscribers();
      return Object.fromEntries(subscriberStates.map((state) => [
        state,
        subscribers.filter((each) => each.state === state).length,
      ]));
    }, "state");
    this.#gauge(
      "casino_queue_consumers",
      "Consumers of the events queue; of several, of the one that has the most",
      async () => (await sources.depths()).events.consumers,
    );
    const shards = async () => (await sources.depths()).events.shards ?? [];
    this.#gauge(
      "casino_shard_messages",
      "Ready messages of each events queue",
      async () => Object.fromEntries((await shards()).map(({ name, messages }) => [name, messages])),
      "shard",
    );
    this.#gauge(
      "casino_shard_consumers",
      "Consumers of each events queue",
      async () => Object.fromEntries((await shards()).map(({ name, consumers }) => [name, consumers])),
      "shard",
    );
    this.#gauge("casino_dependency_up", "1 while the dependency answers", async () => {
      const states = await sources.dependencies();
      return Object.fromEntries(dependencies.map((name) => [name, Number(states[name].ok)]));
    }, "dependency");
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #counter(name: string, help: string, read: Read, label?: string): void {
    const counter: Counter = new Counter({
      ...this.#definition(name, help, label),
      collect: () => fill(counter, read, label),
    });
  }

  #gauge(name: string, help: string, read: Read, label?: string): void {
    const gauge: Gauge = new Gauge({ ...this.#definition(name, help, label), collect: () => fill(gauge, read, label) });
  }

  #definition(name: string, help: string, label: string | undefined) {
    return { name, help, registers: [this.#registry], labelNames: label === undefined ? [] : [label] };
  }
}

/** One value, or one for each value of the label; `undefined` when there is none at the moment. */
type Reading = number | Readonly<Record<string, number>> | undefined;
type Read = () => Reading | Promise<Reading>;

/** Leaves out a value that cannot be read at the moment: the last one would mislead. */
async function fill(metric: Counter | Gauge, read: Read, label: string | undefined): Promise<void> {
  metric.reset();
  const reading = await Promise.try(read).catch(() => undefined);
  if (typeof reading === "number") metric.inc(reading);
  else if (label === undefined) metric.remove();
  else for (const [value, number] of Object.entries(reading ?? {})) metric.inc({ [label]: value }, number);
}
