/** The subscriber's HTTP and dashboard over the embedded system, which shows both subscribers as one. */
import type { MemoryQueue } from "../../../shared/rabbitmq/memory_queue.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import type { DeadLetterAdmin } from "../../../shared/rabbitmq/dead/admin.ts";
import { KeeperState } from "../../../subscriber/dead_letters/keeper/keeper_state.ts";
import { MemoryDeadLetterAdmin } from "../../../shared/rabbitmq/dead/memory_admin.ts";
import type { Random } from "../../../shared/runtime/random.ts";
import type { Log } from "../../../shared/runtime/telemetry/log.ts";
import { formatAddress } from "../../../subscriber/http/server/server.ts";
import { MemoryFleet } from "../../../subscriber/metrics/fleet/memory_fleet.ts";
import { keepTelling, OwnReport, type OwnState } from "../../../subscriber/metrics/fleet/own_report.ts";
import { answerOf, type InHand } from "../../../subscriber/find/in_hand.ts";
import { serveHttp } from "../../../subscriber/http/http.ts";
import type { WatchedRates } from "../../../subscriber/rates/source.ts";
import { type EmbeddedSystem, settings, subscriberIds } from "./system.ts";

export interface Dashboard extends AsyncDisposable {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /** Token that signs in to the page, for replay and drop. */
  readonly token: string;
}

export interface DashboardOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly leaving: AbortSignal;
}

const hostname = "127.0.0.1";
const firstPort = 8080;
const portsTried = 100;

/** Opens the dashboard on port 8080, or on the next free port. */
export function openDashboard(system: EmbeddedSystem, options: DashboardOptions): Dashboard {
  const { queue, subscribers } = system;
  const token = options.random.bytes(8).toHex();
  const state: OwnState = {
    ...options,
    subscriberId: subscriberIds.join(" and "),
    gate: system.gate,
    heldBatches: system.heldBatches,
    consuming: () => !options.leaving.aborted,
    unsettled: () => queue.unsettled,
    oldestPublishedAtMs: () => {
      const oldest = subscribers.flatMap(({ runner }) => runner.oldestPublishedAtMs ?? []);
      return oldest.length === 0 ? undefined : Math.min(...oldest);
    },
    inHandSince: () => {
      const since = subscribers.flatMap(({ runner }) => runner.inHandSince ?? []);
      return since.length === 0 ? undefined : Math.min(...since);
    },
    batchesInFlight: () => subscribers.reduce((sum, { runner }) => sum + runner.batchesInFlight, 0),
  };
  const own = new OwnReport(state);
  // The demo has no other subscribers to report on.
  const fleet = new MemoryFleet(options.clock);
  const inHand: InHand = {
    work: () => subscribers.flatMap(({ runner }) => [...runner.inHand]),
    atHand: () => [],
    problemOf: (delivery) => system.heldBatches.problemOf(delivery),
    clock: options.clock,
  };
  const leaveFleet = keepTelling(fleet, own, options.clock, (question) => answerOf(question, inHand));
  const server = serveHttp({
    ...options,
    ...state,
    ...{ own, fleet, newId: () => options.random.bytes(16).toHex() },
    address: { hostname, port: freePort() },
    tokens: { read: () => [{ name: "demo", role: "administer", secret: token }] },
    mode: "embedded",
    observations: system.observations,
    gate: system.gate,
    // The letters stay in the queue, which is in this process as well.
    keeper: new KeeperState("the dead letters"),
    rates: ofAll(subscribers.map(({ rates }) => rates)),
    shared: system.cache,
    database: system.database,
    depths: depthsOf(queue, subscribers.length),
    admin: adminOf(system, options.clock),
    ratesApi: system.ratesApi.address,
    prefetch: settings.PREFETCH * subscribers.length,
  });
  return {
    url: `http://${formatAddress(server.address)}`,
    token,
    async [Symbol.asyncDispose]() {
      await leaveFleet();
      await server.close();
    },
  };
}

/** Merges the rates of both subscribers: adds the counts, and takes the first available value of the rest. */
function ofAll(sources: readonly WatchedRates[]): WatchedRates {
  return {
    get counts() {
      return sources.map(({ counts }) => counts).reduce(sumOf);
    },
    get failure() {
      return sources.find(({ failure }) => failure !== undefined)?.failure;
    },
    get own() {
      return sources.find(({ own }) => own !== undefined)?.own;
    },
    get alone() {
      return sources.some(({ alone }) => alone);
    },
  };
}

/** Adds counts of the same name, including nested ones. */
function sumOf<T extends object>(one: T, other: T): T {
  const counts = Object.entries(one).map(([name, count]) => {
    const another = other[name as keyof T];
    return [name, typeof count === "number" ? count + Number(another) : sumOf(count, another)];
  });
  return Object.fromEntries(counts) as T;
}

function depthsOf(queue: MemoryQueue, consumers: number) {
  return {
    read: () =>
      Promise.resolve({
        events: { messages: queue.ready, consumers },
        dead: { messages: queue.deadLetters.length },
      }),
    readAll: () =>
      Promise.resolve([
        { name: "the queue of events", messages: queue.ready },
        { name: "the queue of dead letters", messages: queue.deadLetters.length },
      ]),
    close: () => Promise.resolve(),
  };
}

/** Counts dropped letters, so that the demo does not report them as lost events. */
function adminOf(system: EmbeddedSystem, clock: Clock): DeadLetterAdmin {
  const admin = new MemoryDeadLetterAdmin({ queue: system.queue, clock });
  return {
    list: (options) => admin.list(options),
    history: (options) => admin.history(options),
    groups: (options) => admin.groups(options),
    replay: (options) => admin.replay(options),
    drop: async (options) => {
      const dropped = await admin.drop(options);
      system.dropped += dropped;
      return dropped;
    },
    undo: async (options) => {
      const restored = await admin.undo(options);
      system.dropped -= restored;
      return restored;
    },
    edit: (options) => admin.edit(options),
    close: () => admin.close(),
  };
}

function freePort(): number {
  for (let port = firstPort; port < firstPort + portsTried; port++) {
    try {
      Deno.listen({ hostname, port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  return 0;
}
