/** Wires the flow of batches: processBatch(), the middleware around it, and the runner that feeds it. */
import type { Clock } from "../../shared/runtime/clock.ts";
import type { IsThere } from "../../shared/runtime/presence/until_returned.ts";
import type { Random } from "../../shared/runtime/random.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import type { DatabaseGate } from "./database_gate.ts";
import type { Parts, Store } from "./edges.ts";
import type { Middleware } from "./entry.ts";
import { Evidence } from "./evidence.ts";
import { bisected } from "./middleware/bisected.ts";
import { held } from "./middleware/held.ts";
import { HeldBatches } from "./middleware/held_batches.ts";
import { holdWith } from "./middleware/hold.ts";
import { lastMoment } from "./middleware/last_moment.ts";
import { logged } from "./middleware/logged.ts";
import { measured } from "./middleware/measured.ts";
import { reported } from "./middleware/reported.ts";
import { Permits } from "./permits.ts";
import { decodeAll, processBatch } from "./process_batch.ts";
import { Runner } from "./runner.ts";
import type { Stats } from "./stats.ts";
import { enrichment } from "./steps/steps.ts";
import { WaitingForRates } from "./waiting_for_rates.ts";

export interface FlowOptions {
  /** BATCH_SIZE */
  readonly batchSize: number;
  /** Maximum number of batches that are processed at once. */
  readonly batchesInFlight: number;
  readonly stats: Stats;
  readonly gate: DatabaseGate;
  /** Receives the held batches. */
  readonly heldBatches?: HeldBatches;
  /** Wraps all work on a batch, settling included. */
  readonly outermost?: Middleware;
  /** See {@linkcode holdWith}. */
  readonly isDatabaseThere?: IsThere;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export function createFlow(parts: Parts, options: FlowOptions): Runner {
  const { stats, gate, clock, random, log, heldBatches = new HeldBatches(clock) } = options;
  const measure = measured(stats, clock);
  const { queue: measuredQueue, rates, players, store, report } = measure.parts(parts);
  const queue = heldBatches.settling(measuredQueue);
  const waiting = new WaitingForRates(rates, clock);
  const steps = enrichment({ rates: waiting, players });

  const innermost = processBatch({ decode: measure.decode(decodeAll), steps, store });
  const rehearse = processBatch({ decode: decodeAll, steps, store: rehearsal(store) });
  const permits = new Permits(options.batchesInFlight);
  const evidence = new Evidence(lastMoment(clock)(rehearse), random);
  const hold = heldBatches.holding(holdWith({ ...options, onHold: (batch) => waiting.forget(batch) }));
  // Innermost first. The report wraps retries and bisection: they run their inner process again, and the report must be
  // written once.
  const outwards: readonly Middleware[] = [
    measure.attempt,
    lastMoment(clock),
    held(hold, gate),
    bisected({ evidence, hold, gate, permits, clock }),
    heldBatches.attempts,
    reported(report, clock),
    logged(log, clock),
    measure.batch,
    heldBatches.whole,
  ];
  const process = outwards.reduce((inner, wrap) => wrap(inner), innermost);
  return new Runner({ ...options, queue, process, waiting, permits });
}

/** Returns a store that rolls back every save. */
function rehearsal(store: Store): Pick<Store, "save"> {
  return {
    async save(events) {
      await store.dryRun(events);
      return { added: events.length, known: new Map() };
    },
  };
}
