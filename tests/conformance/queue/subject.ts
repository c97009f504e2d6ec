/** The suite's view of a queue, and helpers for its tests. */
import { strictEqual } from "node:assert/strict";
import { eventually, withinAMinute } from "../../fixtures/eventually.ts";
import type { Delivery, EventQueue, Subscription } from "../../../shared/rabbitmq/delivery.ts";
import { type Headers, withoutBrokerHeaders } from "../../../shared/rabbitmq/message.ts";
import { originHeaders } from "../../../shared/rabbitmq/origin/origin.ts";
import { ack, type Outcome } from "../../../shared/rabbitmq/outcome.ts";

/** A queue under test. */
export interface Subject {
  readonly name: string;
  /** Calls `use` with a fresh queue, and closes the publishers and subscriptions that `use` left open. */
  withQueue(use: Use): Promise<void>;
}

type Use = (queue: TestedQueue) => Promise<void>;

/** Registers one test of the suite, under the subject's name. */
export type Register = (what: string, use: Use) => void;

export interface TestedQueue {
  openPublisher(): Promise<TestPublisher>;
  /** Resolves when deliveries can arrive. */
  subscribe(options?: { readonly prefetch?: number }): Promise<Subscription>;
  /** Number of ready messages. */
  ready(): Promise<number>;
  /** Takes the dead letters out of their queue. */
  deadLetters(): Promise<Delivery[]>;
}

export interface TestPublisher {
  /** Resolves when the queue has confirmed all messages. */
  publish(messages: readonly Delivery[]): Promise<void>;
  /** Accepts the messages without waiting for the queue; {@linkcode close} waits. */
  send(messages: readonly Delivery[]): void;
  /** @throws when the queue refused one of the messages */
  close(): Promise<void>;
}

export const never = new AbortController().signal;
/** The subscriber id in the suite's dead letters. */
export const subscriberId = "subscriber-1";

export function message(body: string | Uint8Array, changes: Partial<Delivery> = {}): Delivery {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return {
    messageId: crypto.randomUUID(),
    body: bytes,
    headers: {},
    appId: "publisher-1",
    timestampMs: 1_700_000_000_000,
    ...changes,
  };
}

/** Returns messages with consecutive numbers as bodies. */
export function messages(count: number, from = 0): Delivery[] {
  return Array.from({ length: count }, (_, i) => message(String(from + i)));
}

export async function publish(queue: TestedQueue, ...published: readonly Delivery[]): Promise<void> {
  const publisher = await queue.openPublisher();
  await publisher.publish(published);
  await publisher.close();
}

/** Takes exactly `count` deliveries, in order of arrival. */
export function takeExactly(from: EventQueue, count: number): Promise<Delivery[]> {
  const taken: Delivery[] = [];
  return withinAMinute(`${count} deliveries`, async (late) => {
    while (taken.length < count && !late.aborted) taken.push(...await from.take(count - taken.length, late));
    return taken;
  });
}

export async function takeOne(from: EventQueue): Promise<Delivery> {
  const [delivery] = await takeExactly(from, 1);
  return delivery!;
}

export function settle(on: EventQueue, deliveries: readonly Delivery[], outcome: Outcome = ack): Promise<void> {
  return on.settle(deliveries.map((delivery) => ({ delivery, outcome })), never);
}

/** Takes and acks until `done`; passes the deliveries to `onTaken` before the ack. */
export async function ackUntil(done: AbortSignal, from: EventQueue, onTaken: (taken: Delivery[]) => void) {
  while (!done.aborted) {
    const taken = await from.take(50, done);
    onTaken(taken);
    await settle(from, taken);
  }
}

/** Runs everything that `start` begins until one part calls `finish`, or a minute is over. */
export async function untilFinished(
  what: string,
  start: (done: AbortSignal, finish: () => void) => Promise<void>[],
): Promise<void> {
  await withinAMinute(what, async (late) => {
    const finished = new AbortController();
    await Promise.all(start(AbortSignal.any([late, finished.signal]), () => finished.abort()));
  });
}

export function texts(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ body }) => new TextDecoder().decode(body));
}

export function ids(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ messageId }) => messageId);
}

/**
 * Asserts the number of ready messages. Unsettled deliveries do not count: close the subscriber first to assert that
 * nothing is left.
 */
export async function assertReady(queue: TestedQueue, count: number): Promise<void> {
  await eventually(`${count} messages in the queue`, async () => await queue.ready() === count);
}

/** Takes `count` letters, and fails if there are more. */
export async function takeLetters(queue: TestedQueue, count: number): Promise<Delivery[]> {
  const letters: Delivery[] = [];
  await eventually(`${count} dead letters`, async () => {
    letters.push(...await queue.deadLetters());
    return letters.length >= count;
  });
  strictEqual(letters.length, count, "dead letters");
  return letters;
}

/** Removes the broker's own headers and the message's origin, which only a broker with exchanges knows. */
export function theirHeaders(headers: Headers): Headers {
  const ours: readonly string[] = Object.values(originHeaders);
  return Object.fromEntries(Object.entries(withoutBrokerHeaders(headers)).filter(([name]) => !ours.includes(name)));
}
