/** The servers of the simulated members: broker, database, rates cache and rates API. Each can be down. */
import type { Random } from "../../shared/runtime/random.ts";
import type { VirtualClock } from "../fixtures/virtual_clock.ts";
import type { Event } from "../../shared/event/event.ts";
import type { Enriched } from "../../subscriber/enriched/enriched.ts";
import type { Saved } from "../../subscriber/pipeline/edges.ts";
import { MemoryRates } from "../../subscriber/rates/memory_rates.ts";
import type { SharedRates } from "../../subscriber/rates/shared_rates.ts";
import { bet } from "../fixtures/deliveries.ts";
import { Broker } from "./broker.ts";
import { type Owner, SimulatedConnection } from "./connection.ts";
import { Ledger, LockWatch } from "./invariants.ts";
import type { Mutation } from "./mutations.ts";

/** Servers that can be down as a whole. */
export type Dependency = "broker" | "database" | "redis" | "rates-api";

/** Returns the error of a read-only server. */
export function readOnlyError(): Error {
  return Object.assign(new Error("cannot execute COPY FROM in a read-only transaction"), { code: "25006" });
}

const poisonousAmount = 77_777_777n;

/** An event that a trigger refuses. */
export function poisonous(id: bigint): Event {
  return bet({ id, amount: poisonousAmount });
}

function isPoisonous(event: Event): boolean {
  return "amount" in event && event.amount === poisonousAmount;
}

export class World {
  readonly ledger: Ledger;
  readonly broker: Broker;
  readonly lockWatch: LockWatch;
  readonly connections = new Set<SimulatedConnection>();
  readonly away = new Set<Dependency>();
  readonly kills = { count: 0 };
  /** Once true, there are no more random faults. */
  healed = false;
  /** Whether the database is read-only. */
  readOnly = false;
  /** The current primary. Connections from before the last failover stay with the former, read-only primary. */
  primary = 0;
  /** A failed migration: the database refuses every event. */
  takesNothing = false;
  blocked = false;
  ratesCalls = 0;
  #cache: MemoryRates;

  constructor(
    readonly seed: number,
    readonly clock: VirtualClock,
    readonly random: Random,
    readonly mutation: Mutation | undefined,
    /** Number of events queues. */
    readonly shards: number,
  ) {
    this.ledger = new Ledger(seed, clock);
    this.broker = new Broker(clock, this.ledger);
    this.lockWatch = new LockWatch(clock, (what) => this.ledger.violated(what));
    this.#cache = this.#newCache();
  }

  get sharedRates(): SharedRates {
    return this.lockWatch.around(this.#cache);
  }

  /** Empties Redis, as a restart does. */
  flushRedis(): void {
    this.#cache = this.#newCache();
    this.lockWatch.flushed();
  }

  /** Returns whether a random fault happens now; never after `healed`. */
  luck(random: Random, share: number): boolean {
    return !this.healed && random.next() < share;
  }

  async connect(owner: Owner): Promise<SimulatedConnection> {
    const { clock, random, broker } = this;
    await clock.sleep(random.int(1, 60));
    if (this.away.has("broker")) throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    const refusedShare = () => this.healed ? 0 : 0.01;
    const connection = new SimulatedConnection({ broker, owner, clock, random, refusedShare, mutation: this.mutation });
    this.connections.add(connection);
    if (this.blocked) connection.block();
    return connection;
  }

  /** Cuts every connection, and refuses new ones for a while. */
  cutAll(): void {
    for (const connection of this.connections) connection.cut();
    this.connections.clear();
  }

  cutOne(): void {
    const open = [...this.connections].filter((connection) => !connection.lost);
    open[this.random.int(0, Math.max(0, open.length - 1))]?.cut();
  }

  setBlocked(blocked: boolean): void {
    this.blocked = blocked;
    for (const connection of this.connections) blocked ? connection.block() : connection.unblock();
  }

  /** Saves the rows of one transaction: all or none. */
  save(events: readonly Enriched[]): Saved {
    this.refuse(events);
    return this.ledger.store(events);
  }

  /** @throws as Postgres does, for a schema that refuses everything and for an event that a trigger refuses */
  refuse(events: readonly Enriched[]): void {
    const refused = (message: string, code: string, routine?: string) =>
      Object.assign(new Error(message), { code, routine });
    if (this.readOnly) throw readOnlyError();
    if (this.takesNothing) throw refused('null value in column "tenant" violates not-null constraint', "23502");
    const poison = events.find(({ event }) => isPoisonous(event));
    if (!poison) return;
    // Half of them have the SQLSTATE of a database that is down.
    const code = poison.event.id % 8n < 4n ? "P0001" : "57P03";
    throw refused("a trigger says no", code, "exec_stmt_raise");
  }

  #newCache(): MemoryRates {
    return this.mutation?.cache?.(this.clock) ?? new MemoryRates(this.clock);
  }
}
