/** The heart of the product: one batch's way from bytes to one outcome for each delivery. */
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { ack, dead } from "../../shared/rabbitmq/outcome.ts";
import { decodeEvent, UndecodableError } from "../../shared/event/protobuf.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { describeFaults } from "../../shared/event/event.ts";
import type { Enriched } from "../enriched/enriched.ts";
import type { Entry, Process, Processed } from "./entry.ts";
import type { Step } from "./steps/step.ts";

export interface Store {
  /**
   * Stores all events, or none; one whose message id is there already is left as it is. Updates the totals by what is new.
   * @returns how many were new
   */
  save(events: readonly Enriched[]): Promise<number>;
}

export interface Parts {
  /** {@linkcode decodeAll}, measured perhaps. */
  readonly decode: (deliveries: readonly Delivery[]) => Entry[];
  /** What is found out about each event, in this order. */
  readonly steps: readonly Step[];
  readonly store: Store;
}

/**
 * What waits, retries, reports or measures is a wrapper around this: see `around/`, and create_subscriber.ts for their order.
 * The process throws what the database threw; then nothing is stored, and the batch can be processed again.
 */
export function processBatch({ decode, steps, store }: Parts): Process {
  return async (deliveries, signal) => {
    const entries = decode(deliveries);
    for (const step of steps) await step.run(entries, signal);
    const events = complete(entries);
    if (events.length > 0) await store.save(events);
    return entries.map(settledBy);
  };
}

export function decodeAll(deliveries: readonly Delivery[]): Entry[] {
  return deliveries.map(decode);
}

function decode(delivery: Delivery): Entry {
  try {
    const event = decodeEvent(delivery.body);
    if (Array.isArray(event)) return { delivery, facts: undefined, outcome: dead("invalid", describeFaults(event)) };
    const { messageId } = delivery;
    const facts = { messageId, event, price: undefined, player: undefined, description: "" };
    return { delivery, facts, outcome: undefined };
  } catch (error) {
    const reason = error instanceof UndecodableError ? "undecodable" : "processing-failed";
    return { delivery, facts: undefined, outcome: dead(reason, messageOf(error)) };
  }
}

/** The events of which every step has found out its facts. */
function complete(entries: readonly Entry[]): Enriched[] {
  const events: Enriched[] = [];
  for (const { facts, outcome } of entries) if (facts && !outcome) events.push(facts);
  return events;
}

/** Whatever has no outcome by now is stored. */
function settledBy(entry: Entry): Processed {
  entry.outcome ??= ack;
  return entry as Processed;
}
