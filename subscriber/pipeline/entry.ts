import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { type Outcome, requeue } from "../../shared/rabbitmq/outcome.ts";
import type { Enriched } from "../enriched/enriched.ts";

/** One delivery on its way through a batch. */
export interface Entry {
  readonly delivery: Delivery;
  /** What is known of its event so far; `undefined` when the body holds no event. */
  readonly facts: Facts | undefined;
  /** `undefined` while the entry goes on to the next step. */
  outcome: Outcome | Wait | undefined;
}

/** An {@linkcode Enriched} in the making: each step adds its facts. */
export type Facts = { -readonly [Fact in keyof Enriched]: Enriched[Fact] };
export type Fact = keyof Facts;

/** Its event needs rates, and there are none: it is set aside and joins a later batch. */
export interface Wait {
  readonly kind: "wait";
}
export const wait: Wait = { kind: "wait" };

/** An entry whose outcome is for the queue to carry out. */
export interface Settled extends Entry {
  outcome: Outcome;
}

/** An entry that is set aside. */
export interface Waiting extends Entry {
  outcome: Wait;
}

/** An entry whose way through the batch is over. */
export type Processed = Settled | Waiting;

/** The event is in the database, now or since it was delivered before. */
export interface Stored extends Settled {
  readonly facts: Facts;
}

/** One batch, from deliveries to one outcome for each, in the same order. After the signal is aborted nothing is begun. */
export type Process = (deliveries: readonly Delivery[], signal: AbortSignal) => Promise<Processed[]>;

/** Puts something around a {@linkcode Process}: a retry, a measurement, a span. */
export type Wrapper = (process: Process) => Process;

export function isWaiting(entry: Processed): entry is Waiting {
  return entry.outcome.kind === "wait";
}

export function isStored(entry: Processed): entry is Stored {
  return entry.outcome.kind === "ack";
}

/** For deliveries that the subscriber cannot finish. */
export function requeued(delivery: Delivery): Settled {
  return { delivery, facts: undefined, outcome: requeue };
}
