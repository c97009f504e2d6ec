/** The suite's view of a queue, and helpers of its tests. */
import { strictEqual } from "node:assert/strict";
import { eventually, withinAMinute } from "../../fixtures/eventually.ts";
import type { Delivery, EventQueue, Subscription } from "../../../shared/rabbitmq/delivery.ts";
import { type Headers, withoutBrokerHeaders } from "../../../shared/rabbitmq/message.ts";
import { originHeaders } from "../../../shared/rabbitmq/origin/origin.ts";
import { ack, type Outcome } from "../../../shared/rabbitmq/outcome.ts";

/** A kind of queue that is put to the test. */
export interface Subject {
  readonly name: string;
  /** Gives `use` a fresh queue; afterwards closes publishers and subscriptions that `use` left open. */
  withQueue(use: Use): Promise<void>;
}

type Use = (queue: TestedQueue) => Promise<void>;

/** Registers one test of the suite, under the subject's name. */
export type Register = (what: string, use: Use) => void;

export interface TestedQueue {
  openPublisher(): Promise<TestPublisher>;
  /** Resolves when deliveries can arrive. */
  subscribe(options?: { readonly prefetch?: number }): Promise<Subscription>;
  /** Messages that wait for a subscriber. */
  ready(): Promise<number>;
  /** Takes out the dead letters that are there. */
  deadLetters(): Promise<Delivery[]>;
}

export interface TestPublisher {
  /** Resolves when the queue has confirmed all of them. */
  publish(messages: readonly Delivery[]): Promise<void>;
  /** Takes the messages without waiting for the queue; {@linkcode close} does. */
  send(messages: readonly Delivery[]): void;
  /** @throws when the queue did not accept one of the messages */
  close(): Promise<void>;
}

export const never = new AbortController().signal;
/** The subscriber that the suite's dead letters tell of. */
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

/** Messages whose bodies count up. */
export function messages(count: number, from = 0): Delivery[] {
  return Array.from({ length: count }, (_, i) => message(String(from + i)));
}

export async function publish(queue: TestedQueue, ...published: readonly Delivery[]): Promise<void> {
  const publisher = await queue.openPublisher();
  await publisher.publish(published);
  await publisher.close();
}

/** Exactly so many deliveries, in the order in which they came. */
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

/** Takes and acks until `done`; passes the deliveries to `onTaken` before they are acked. */
export async function ackUntil(done: AbortSignal, from: EventQueue, onTaken: (taken: Delivery[]) => void) {
  while (!done.aborted) {
    const taken = await from.take(50, done);
    onTaken(taken);
    await settle(from, taken);
  }
}

/** Runs all that `start` begins until one of it calls `finish`, or a minute is over. */
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

/** A subscriber's unsettled deliveries are not among these: close it first to see that nothing is left at all. */
export async function assertReady(queue: TestedQueue, count: number): Promise<void> {
  await eventually(`${count} messages in the queue`, async () => await queue.ready() === count);
}

/** Fails when there are more of them. */
export async function takeLetters(queue: TestedQueue, count: number): Promise<Delivery[]> {
  const letters: Delivery[] = [];
  await eventually(`${count} dead letters`, async () => {
    letters.push(...await queue.deadLetters());
    return letters.length >= count;
  });
  strictEqual(letters.length, count, "dead letters");
  return letters;
}

/** Without the broker's own headers, and without the message's origin, which only a broker with exchanges knows. */
export function theirHeaders(headers: Headers): Headers {
  const ours: readonly string[] = Object.values(originHeaders);
  return Object.fromEntries(Object.entries(withoutBrokerHeaders(headers)).filter(([name]) => !ours.includes(name)));
}
