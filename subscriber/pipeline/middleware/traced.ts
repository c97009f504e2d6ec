/** A span for each batch that holds a sampled event, with a child span for each part of the work. */
import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import {
  type Attributes,
  type Link,
  type OpenSpan,
  serverOf,
  traceparentHeader,
  type Tracing,
} from "../../../shared/runtime/telemetry/tracing.ts";
import { type RatesApi, type RatesFailure, RatesUnavailable } from "../../rates/client.ts";
import type { Parts } from "../edges.ts";
import type { Middleware } from "../entry.ts";

export interface Spans {
  /** Wraps all work on a batch. */
  readonly batch: Middleware;
  parts(parts: Parts): Parts;
  api(api: RatesApi): RatesApi;
}

/** Tracing off: batches are not searched for sampled events. */
export const noSpans: Spans = { batch: (process) => process, parts: (parts) => parts, api: (api) => api };

/** The servers and names in the attributes of the spans. */
export interface Places {
  readonly queue: string;
  readonly subscriberId: string;
  readonly brokerUrl: string;
  readonly databaseUrl: string;
  /** host:port */
  readonly ratesAddress: string;
}

/** Maximum number of links of a span: OpenTelemetry's default limit. */
export const mostLinks = 128;

export function spansOf(tracing: Tracing, places: Places): Spans {
  const { queue, subscriberId, brokerUrl, databaseUrl, ratesAddress } = places;
  const messaging = (operation: string): Attributes => ({
    "messaging.system": "rabbitmq",
    "messaging.operation.type": operation,
    "messaging.operation.name": operation,
    "messaging.destination.name": queue,
    "messaging.client.id": subscriberId,
    ...serverOf(brokerUrl),
  });
  const database = (operation: string, table: string) =>
    ({
      name: `${operation} ${table}`,
      kind: "client",
      attributes: {
        "db.system.name": "postgresql",
        "db.namespace": new URL(databaseUrl).pathname.slice(1),
        "db.operation.name": operation,
        "db.collection.name": table,
        "db.query.summary": `${operation} ${table}`,
        ...serverOf(databaseUrl),
      },
    }) as const;
  const [process, settle] = [messaging("process"), messaging("settle")];
  const [find, save] = [database("SELECT", "players"), database("COPY", "events")];
  const call = {
    name: "casino.rates.v1.RatesService/GetRates",
    kind: "client",
    attributes: {
      "rpc.system.name": "grpc",
      "rpc.method": "casino.rates.v1.RatesService/GetRates",
      ...serverOf(`grpc://${ratesAddress}`),
    },
  } as const;

  return {
    parts: ({ queue: events, rates, players, store, report }) => ({
      queue: {
        take: (limit, signal) => events.take(limit, signal),
        settle: (settlements, signal) => {
          const attributes = { ...settle, "messaging.batch.message_count": settlements.length };
          return tracing.inSpan({ name: `settle ${queue}`, kind: "client", attributes }, (span) => {
            span.set(outcomeCounts(settlements));
            return events.settle(settlements, signal);
          });
        },
      },
      rates: {
        current: () => rates.current(),
        get: () => tracing.inSpan({ name: "wait for rates", kind: "internal" }, () => rates.get()),
      },
      players: { find: (ids) => tracing.inSpan(find, () => players.find(ids)) },
      store: {
        save: (events) => {
          // OpenTelemetry's conventions set it only for batches of two or more.
          const size = events.length > 1 ? { "db.operation.batch.size": events.length } : {};
          const attributes = { ...save.attributes, ...size };
          return tracing.inSpan({ ...save, attributes }, () => store.save(events));
        },
        dryRun: (events) => store.dryRun(events),
      },
      report: (events) => tracing.inSpan({ name: "report", kind: "internal" }, () => report(events)),
    }),
    api: (api) => ({ fetch: (signal) => tracing.inSpan(call, (span) => withStatus(span, () => api.fetch(signal))) }),
    batch: (run) => (deliveries, signal) => {
      const links = linksOf(deliveries, tracing);
      const [first] = links;
      if (!first) return run(deliveries, signal);
      const attributes = { ...process, "messaging.batch.message_count": deliveries.length };
      // A child of the first event's span: the sampler then keeps it, and that event's trace shows it.
      const span = { name: `process ${queue}`, kind: "consumer", attributes, parent: first.to, links } as const;
      return tracing.inSpan(span, () => run(deliveries, signal));
    },
  };
}

/** Returns links to the publish spans of the sampled events, oldest first, up to {@linkcode mostLinks}. */
function linksOf(deliveries: readonly Delivery[], tracing: Tracing): Link[] {
  const links: Link[] = [];
  for (const { headers, messageId } of deliveries) {
    const header = headers[traceparentHeader];
    // Most headers end in `-00` (not sampled). This check is ten times as fast as parsing.
    if (typeof header !== "string" || header.endsWith("-00")) continue;
    const to = tracing.extract(header);
    if (!to?.sampled) continue;
    if (links.push({ to, attributes: { "messaging.message.id": messageId } }) === mostLinks) break;
  }
  return links;
}

function outcomeCounts(settlements: Parameters<Parts["queue"]["settle"]>[0]): Attributes {
  const counts: Record<string, number> = {};
  for (const { outcome } of settlements) {
    const name = `casino.outcome.${outcome.kind}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** The gRPC status of a failed call, where it is known. */
const statusOf: Partial<Record<RatesFailure, string>> = {
  deadline: "DEADLINE_EXCEEDED",
  unauthenticated: "UNAUTHENTICATED",
  unavailable: "UNAVAILABLE",
  abandoned: "CANCELLED",
  "invalid-answer": "OK",
};

async function withStatus<T>(span: OpenSpan, call: () => Promise<T>): Promise<T> {
  try {
    const answer = await call();
    span.set({ "rpc.response.status_code": "OK" });
    return answer;
  } catch (error) {
    const status = error instanceof RatesUnavailable ? statusOf[error.reason] : undefined;
    if (status) span.set({ "rpc.response.status_code": status });
    throw error;
  }
}
