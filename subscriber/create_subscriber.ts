/** The graph of one subscriber: the process, the demo, the simulation and the tests are wired here and nowhere else. */
import type { EventQueue } from "../shared/rabbitmq/delivery.ts";
import type { Clock } from "../shared/runtime/clock.ts";
import type { Random } from "../shared/runtime/random.ts";
import type { Log } from "../shared/runtime/telemetry/log.ts";
import type { Edges } from "./pipeline/edges.ts";
import { bisected } from "./pipeline/around/bisected.ts";
import { delayed } from "./pipeline/around/delayed.ts";
import { held } from "./pipeline/around/held.ts";
import { lastMoment } from "./pipeline/around/last_moment.ts";
import { logged } from "./pipeline/around/logged.ts";
import { measured } from "./pipeline/around/measured.ts";
import { reported } from "./pipeline/around/reported.ts";
import { noSpans, type Spans } from "./pipeline/around/traced.ts";
import { DatabaseGate } from "./pipeline/database_gate.ts";
import type { Process, Wrapper } from "./pipeline/entry.ts";
import { decodeAll, processBatch, type Store } from "./pipeline/process_batch.ts";
import type { Report } from "./pipeline/report.ts";
import { Runner } from "./pipeline/runner.ts";
import { Stats } from "./pipeline/stats.ts";
import { enrichment, type Players } from "./pipeline/steps/steps.ts";
import { type RatesNowOrLater, WaitingForRates } from "./pipeline/waiting_for_rates.ts";
import { RatesSource, type RatesTimes } from "./rates/source.ts";

/** The next batch is read and priced while the one before commits. A third costs Postgres an eighth more: bench/README.md. */
export const batchesInFlight = 2;

export interface SubscriberSettings {
  readonly subscriberId: string;
  /** BATCH_SIZE */
  readonly batchSize: number;
  /** RETRY_DELAYS_MS */
  readonly retryDelays: readonly number[];
  readonly ratesTimes: RatesTimes;
  /** Takes nothing more once it is aborted, and finishes what is in hand. */
  readonly stop: AbortSignal;
  /** Ends all waiting a moment after it is aborted: what is not finished then is requeued. */
  readonly abandon: AbortSignal;
}

/** What a subscriber is given besides its edges. */
export interface Surroundings {
  /** Tells the world what is stored. Called after the commit and before the acks. */
  readonly report: Report;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly stats?: Stats;
  /** Given to the queue as well, which consumes on a new channel only while it is open. */
  readonly gate?: DatabaseGate;
  readonly spans?: Spans;
}

export interface Subscriber {
  readonly rates: RatesSource;
  readonly stats: Stats;
  readonly gate: DatabaseGate;
  /** Batches that are not settled yet, and parts of batches that wait for rates or for another queue. */
  readonly batchesInFlight: number;
  /** When the oldest event in hand was published, milliseconds since 1970; `undefined` when there is none, or none that tells. */
  readonly oldestPublishedAtMs: number | undefined;
  /** Works until `stop` is aborted and all that was taken is settled. */
  run(): Promise<void>;
}

export function createSubscriber(edges: Edges, settings: SubscriberSettings, given: Surroundings): Subscriber {
  const { subscriberId, ratesTimes, stop, abandon } = settings;
  const { stats = new Stats(), gate = new DatabaseGate(), spans = noSpans, clock, random, log } = given;
  const { queue, shared, api, players, store } = spans.edges(edges);
  const rates = new RatesSource({
    ...{ shared, api, holder: subscriberId, times: ratesTimes, signal: abandon, clock, random, log },
  });
  const flow = { queue, players, store, rates: spans.rates(rates), report: spans.report(given.report) };
  const runner = createRunner(flow, { ...settings, batchesInFlight }, { ...given, stats, gate, around: spans.batch });
  return {
    rates,
    stats,
    gate,
    get batchesInFlight() {
      return runner.batchesInFlight;
    },
    get oldestPublishedAtMs() {
      return runner.oldestPublishedAtMs;
    },
    run: () => runner.run(stop, abandon),
  };
}

/** What the flow of batches is made of, wherever the rates come from. */
export interface Flow {
  readonly queue: EventQueue;
  readonly players: Players;
  readonly store: Store;
  readonly rates: RatesNowOrLater;
  readonly report: Report;
}

export interface FlowSettings {
  readonly batchSize: number;
  readonly batchesInFlight: number;
  readonly retryDelays: readonly number[];
}

export interface FlowSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly stats: Stats;
  readonly gate: DatabaseGate;
  readonly around?: Wrapper;
}

export function createRunner(flow: Flow, settings: FlowSettings, surroundings: FlowSurroundings): Runner {
  const { players, store } = flow;
  const { clock, log, stats, gate } = surroundings;
  const measure = measured(stats, clock);
  const waiting = new WaitingForRates(measure.rates(flow.rates), clock);

  const process = surrounded(
    processBatch({ decode: measure.decode(decodeAll), steps: enrichment({ rates: waiting, players }), store }),
    // From the inside to the outside.
    [
      measure.attempt,
      lastMoment(clock),
      held({ ...surroundings, gate }),
      bisected,
      reported(measure.report(flow.report), clock),
      delayed(settings.retryDelays),
      logged(log, clock),
      measure.batch,
    ],
  );
  return new Runner({ ...settings, ...surroundings, queue: measure.queue(flow.queue), process, waiting });
}

function surrounded(process: Process, wrappers: readonly Wrapper[]): Process {
  return wrappers.reduce((inner, wrap) => wrap(inner), process);
}
