/** The values that pass through the pipeline, and the types of its functions. */
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { type Outcome, requeue } from "../../shared/rabbitmq/outcome.ts";
import type { Enriched } from "../enriched/enriched.ts";

/** One delivery in a batch. */
export interface Entry {
  readonly delivery: Delivery;
  /** The event and its facts so far; `undefined` when the body holds no event. */
  readonly facts: Facts | undefined;
  /** `undefined` while the entry goes on to the next step. */
  outcome: Outcome | Wait | undefined;
}

/** An {@linkcode Enriched} in the making: each step adds its facts. */
export type Facts = { -readonly [Fact in keyof Enriched]: Enriched[Fact] };
export type Fact = keyof Facts;

/** The event needs rates and none are available: the delivery is set aside and joins a later batch. */
export interface Wait {
  readonly kind: "wait";
}
export const wait: Wait = { kind: "wait" };

/** An entry whose outcome the queue carries out. */
export interface Settled extends Entry {
  outcome: Outcome;
}

/** An entry that is set aside. */
export interface Waiting extends Entry {
  outcome: Wait;
}

/** An entry at the end of its batch. */
export type Processed = Settled | Waiting;

/** The event is in the database, from this delivery or from an earlier one. */
export interface Stored extends Settled {
  readonly facts: Facts;
}

/** Returns one outcome for each delivery of the batch, in the same order. Starts nothing once the signal is aborted. */
export type Process = (deliveries: readonly Delivery[], signal: AbortSignal) => Promise<Processed[]>;

/** Wraps a {@linkcode Process}, for example with retries, a measurement or a span. */
export type Middleware = (process: Process) => Process;

/** Returns the facts of the entries that have no outcome yet. */
export function undecided(entries: readonly Entry[]): Facts[] {
  const events: Facts[] = [];
  for (const { facts, outcome } of entries) if (facts && !outcome) events.push(facts);
  return events;
}

export function isWaiting(entry: Processed): entry is Waiting {
  return entry.outcome.kind === "wait";
}

export function isStored(entry: Processed): entry is Stored {
  return entry.outcome.kind === "ack";
}

/** Whether this delivery stored its event: the event was not in the database before. */
export function isNew(entry: Processed): entry is Stored {
  return entry.outcome.kind === "ack" && !entry.outcome.isDuplicate;
}

/** Returns the entry of a delivery that the subscriber cannot finish. */
export function requeued(delivery: Delivery): Settled {
  return { delivery, facts: undefined, outcome: requeue };
}

/** Deliveries that the subscriber handles together. */
export interface Work {
  readonly deliveries: readonly Delivery[];
  readonly doing: "in a batch" | "waiting for rates" | "moving to another queue";
  /** Start of the work, in monotonic ms. */
  readonly since: number;
}
