/** The state of a running subscriber that HTTP reads: for metrics, the page and readiness. */
import type { LetterCounts } from "../dead_letters/takes.ts";
import type { KeeperState } from "../dead_letters/keeper/keeper_state.ts";
import type { DatabaseGate } from "../pipeline/database_gate.ts";
import type { Stats } from "../pipeline/stats.ts";
import type { Inspection } from "../rates/shared_rates.ts";
import type { WatchedRates } from "../rates/source.ts";
import type { Fleet, SubscriberReport } from "./fleet/fleet.ts";
import type { FleetView } from "./fleet/fleet_view.ts";
import type { OwnState } from "./fleet/own_report.ts";
import type { Latencies } from "./latencies.ts";
import type { Totals } from "./materialized.ts";
import type { ReadDependencies } from "./probes.ts";
import type { Depths } from "./queue_depths.ts";

/** The state in this process, which can be read at any time. */
export interface State extends OwnState {
  /** With servers, or with everything in one process. */
  readonly mode: "servers" | "embedded";
  readonly gate: DatabaseGate;
  readonly keeper: KeeperState;
  readonly rates: WatchedRates;
  readonly prefetch: number;
  readonly own: { read(): SubscriberReport; readonly takesMore: boolean };
  readonly fleet: Pick<Fleet, "read" | "ask" | "answers">;
}

export interface Sources extends State {
  readonly stats: Stats;
  readonly latencies: Latencies;
  /** Never rejects. */
  readonly dependencies: ReadDependencies;
  /** Never rejects. */
  readonly subscribers: () => Promise<FleetView>;
  /** This and the functions below reject when their server does not answer. */
  readonly totals: () => Promise<Totals>;
  /** Events that each subscriber stored in the last minute. */
  readonly shares: () => Promise<ReadonlyMap<string, number>>;
  readonly depths: () => Promise<Depths>;
  /** Dead letters in the table. */
  readonly deadLetters: () => Promise<LetterCounts>;
  /** Days ahead for which events have partitions. */
  readonly runway: () => Promise<number | undefined>;
  /** Seconds since the last successful run of `deno task retention`. */
  readonly retentionAge: () => Promise<number>;
  readonly inspectRates: () => Promise<Inspection>;
}
