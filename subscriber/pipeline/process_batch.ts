/** Processes one batch: from bytes to one outcome for each delivery. */
import { describeFaults } from "../../shared/event/event.ts";
import { decodeEvent, decodeEventAt, UndecodableError } from "../../shared/event/protobuf.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { ack, ackDuplicate, dead } from "../../shared/rabbitmq/outcome.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { unenriched } from "../enriched/enriched.ts";
import type { Saved, Store } from "./edges.ts";
import { type Entry, type Process, type Processed, undecided } from "./entry.ts";
import type { Step } from "./steps/step.ts";

export interface ProcessBatchOptions {
  /** {@linkcode decodeAll}, possibly measured. */
  readonly decode: (deliveries: readonly Delivery[]) => Entry[];
  readonly steps: readonly Step[];
  readonly store: Pick<Store, "save">;
}

/**
 * Decodes, enriches and stores. The middleware in flow.ts retries, reports and measures. The process throws the errors
 * of the database. After an error nothing is stored, and the batch can be processed again.
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
    const event = delivery.readBody?.(decodeEventAt) ?? decodeEvent(delivery.body);
    if (Array.isArray(event)) return { delivery, facts: undefined, outcome: dead("invalid", describeFaults(event)) };
    return { delivery, facts: unenriched(delivery.messageId, event, delivery.sentId), outcome: undefined };
  } catch (error) {
    const reason = error instanceof UndecodableError ? "undecodable" : "processing-failed";
    return { delivery, facts: undefined, outcome: dead(reason, messageOf(error)) };
  }
}

/** Gives a duplicate the stored facts, so that its report matches the database. */
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

/** Acks an entry without an outcome: its event is stored. */
function decided(entry: Entry): Processed {
  entry.outcome ??= ack;
  return entry as Processed;
}
