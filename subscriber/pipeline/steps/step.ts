import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import { dead, type Outcome } from "../../../shared/rabbitmq/outcome.ts";
import { BatchReadError, classifyStoreError, messageOf } from "../../../shared/runtime/errors.ts";
import { type Entry, type Fact, type Facts, undecided, type Wait } from "../entry.ts";

/** One step of enrichment, over all events of a batch. */
export interface Step<Needs extends Fact = Fact, Adds extends Fact = Fact> {
  readonly name: string;
  readonly needs: readonly Needs[];
  readonly adds: readonly Adds[];
  /**
   * Adds the facts, or an outcome, to each entry that has no outcome yet.
   * @throws {BatchReadError} when {@linkcode StepDefinition.read} fails, except when the database is away
   * @throws the error of `read` when the database is away
   */
  run(entries: readonly Entry[], signal: AbortSignal): Promise<void>;
}

/** The definition of a step. `Context` is the result of reading for the whole batch. */
export interface StepDefinition<Needs extends Fact, Adds extends Fact, Context> {
  readonly name: string;
  /** Facts that an earlier step has added. */
  readonly needs: readonly Needs[];
  readonly adds: readonly Adds[];
  /** Called once per batch. Not called when every event has its outcome. */
  read(events: readonly Facts[], signal: AbortSignal): Context | Promise<Context>;
  /**
   * Adds the facts to one event. An error dead-letters this event alone, as `processing-failed`.
   * @returns an outcome to skip the later steps
   */
  add(facts: Facts, context: Context, delivery: Delivery): Outcome | Wait | undefined;
}

/**
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { bet, deliveryOf } from "../../../tests/fixtures/deliveries.ts";
 * import { decodeAll } from "../process_batch.ts";
 *
 * const step = defineStep({
 *   name: "describe",
 *   needs: ["event"],
 *   adds: ["description"],
 *   read: (events) => `one of ${events.length}`,
 *   add(facts, words) {
 *     facts.description = `${facts.event.type}, ${words}`;
 *     return undefined;
 *   },
 * });
 * const entries = decodeAll([deliveryOf(bet()), deliveryOf(bet())]);
 * await step.run(entries, new AbortController().signal);
 * strictEqual(entries[0]?.facts?.description, "bet, one of 2");
 * ```
 */
export function defineStep<const Needs extends Fact, const Adds extends Fact, Context>(
  { name, needs, adds, read, add }: StepDefinition<Needs, Adds, Context>,
): Step<Needs, Adds> {
  return {
    name,
    needs,
    adds,
    async run(entries, signal) {
      const events = undecided(entries);
      if (events.length === 0) return;
      let context: Context;
      try {
        context = await read(events, signal);
      } catch (error) {
        throw classifyStoreError(error) === "away" ? error : new BatchReadError(name, error);
      }
      for (const entry of entries) {
        if (!entry.facts || entry.outcome) continue;
        try {
          entry.outcome = add(entry.facts, context, entry.delivery);
        } catch (error) {
          // A fault in our code must neither block the other events nor lose this one.
          entry.outcome = dead("processing-failed", messageOf(error));
        }
      }
    },
  };
}

/** The facts that decoding adds. */
type Decoded = "messageId" | "sentId" | "event";

/**
 * `unknown` when earlier steps add each step's needs and no fact is missing; else an object that names the missing
 * facts.
 */
type Complete<Steps extends readonly Step[], Known extends Fact = Decoded> = Steps extends
  readonly [Step<infer Needs, infer Adds>, ...infer Rest extends readonly Step[]]
  ? [Needs] extends [Known] ? Complete<Rest, Known | Adds> : { readonly addedTooLate: Exclude<Needs, Known> }
  : [Fact] extends [Known] ? unknown
  : { readonly addedByNoStep: Exclude<Fact, Known> };

/** Returns the steps. Compiles only when they are {@linkcode Complete}. */
export function inOrder<const Steps extends readonly Step[]>(steps: Steps & Complete<Steps>): readonly Step[] {
  return steps;
}
