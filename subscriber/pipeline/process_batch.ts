/** The heart of the product: one batch's way from bytes to one outcome for each delivery. */
import { describeFaults } from "../../shared/event/event.ts";
import { decodeEvent, UndecodableError } from "../../shared/event/protobuf.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { ack, ackDuplicate, dead } from "../../shared/rabbitmq/outcome.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { unenriched } from "../enriched/enriched.ts";
import type { Saved, Store } from "./edges.ts";
import { type Entry, type Process, type Processed, undecided } from "./entry.ts";
import type { Step } from "./steps/step.ts";

export interface ProcessBatchOptions {
  /** {@linkcode decodeAll}, or a measured one. */
  readonly decode: (deliveries: readonly Delivery[]) => Entry[];
  readonly steps: readonly Step[];
  readonly store: Pick<Store, "save">;
}

/**
 * Decodes, enriches and stores. Middleware around this retries, reports and measures: flow.ts lists it. The process throws
 * what the database threw; then nothing is stored, and the batch can be processed again.
 */
export function processBatch({ decode, steps, store }: ProcessBatchOptions): Process {
  return async (deliveries, signal) => {
    const entries = decode(deliveries);
    for (const step of steps) await step.run(entries, signal);
    const events = undecided(entries);
    if (events.length > 0) decideKnown(entries, (await store.save(events)).known);
    return entries.map(decided);
  };
}

export function decodeAll(deliveries: readonly Delivery[]): Entry[] {
  return deliveries.map(decode);
}

function decode(delivery: Delivery): Entry {
  try {
    const event = decodeEvent(delivery.body);
    if (Array.isArray(event)) return { delivery, facts: undefined, outcome: dead("invalid", describeFaults(event)) };
    return { delivery, facts: unenriched(delivery.messageId, event, delivery.sentId), outcome: undefined };
  } catch (error) {
    const reason = error instanceof UndecodableError ? "undecodable" : "processing-failed";
    return { delivery, facts: undefined, outcome: dead(reason, messageOf(error)) };
  }
}

/** A duplicate goes on with the facts that are stored: what is reported of it is what is in the database. */
function decideKnown(entries: readonly Entry[], known: Saved["known"]): void {
  if (known.size === 0) return;
  for (const entry of entries) {
    const found = entry.facts && known.get(entry.facts);
    if (!found) continue;
    if ("conflict" in found) entry.outcome = dead("id-conflict", found.conflict);
    else {
      Object.assign(entry.facts!, found.stored);
      entry.outcome = ackDuplicate;
    }
  }
}

/** An entry that has no outcome by now is stored. */
function decided(entry: Entry): Processed {
  entry.outcome ??= ack;
  return entry as Processed;
}
