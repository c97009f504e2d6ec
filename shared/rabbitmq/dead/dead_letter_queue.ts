/**
 * What can be done with the letters in a dead letter queue. Each call looks at those that were there when it began, each
 * once: one that comes back while it runs is left for the next call. Letters that it only looked at return to their
 * queue when the channel closes.
 */
import type { Channel, GetMessage } from "amqplib";
import { retriesHeader } from "../publish/delay_queues.ts";
import { type Headers, type OutgoingMessage, replaysHeader, withoutBrokerHeaders } from "../message.ts";
import { PublishError } from "../publish/publisher.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/errors.ts";
import { type DeadLetter, understand } from "./dead_letter.ts";
import { exactOf, originHeaders, propertiesToKeep, restored } from "../origin/origin.ts";

/** Which letters; both given, both must hold. Without either, all. */
export interface Filter {
  readonly reasons?: readonly string[];
  readonly ids?: readonly string[];
}

export interface Selection {
  readonly filter: Filter;
  /** Most letters to act on. */
  readonly limit?: number | undefined;
  /** Most letters to look at, from the oldest on, whether they match or not. */
  readonly mostSeen?: number | undefined;
  readonly stop: AbortSignal;
}

/** A letter in hand: it returns to the queue unless it is acked. */
interface Taken {
  readonly letter: DeadLetter;
  readonly message: GetMessage;
}

export async function* list(channel: Channel, queue: string, selection: Selection): AsyncGenerator<DeadLetter> {
  for await (const { letter } of take(channel, queue, selection)) yield letter;
}

/** Removes the letters for good, each as soon as it is yielded. */
export async function* drop(channel: Channel, queue: string, selection: Selection): AsyncGenerator<DeadLetter> {
  for await (const { letter, message } of take(channel, queue, selection)) {
    channel.ack(message);
    yield letter;
  }
}

export interface ReplayOptions extends Selection {
  readonly exchange: string;
  readonly publisher: { publish(message: OutgoingMessage): Promise<void> };
  readonly clock: Clock;
  /** Letters a second; `undefined`: as fast as it goes. */
  readonly rate: number | undefined;
  /** Also those that {@linkcode isWornOut} names. */
  readonly force: boolean;
}

export type Replayed =
  & { readonly letter: DeadLetter }
  & (
    | { readonly result: "replayed" }
    /** Left where it is, and why. */
    | { readonly result: "refused" | "failed"; readonly problem: string }
  );

/** Publishes the letters again under their own ids. A letter leaves its queue once the broker has confirmed the new message. */
export async function* replay(channel: Channel, queue: string, options: ReplayOptions): AsyncGenerator<Replayed> {
  const { exchange, clock, rate, force } = options;
  let dueAt = clock.monotonic();
  for await (const { letter, message } of take(channel, queue, options)) {
    if (isWornOut(letter) && !force) {
      yield {
        letter,
        result: "refused",
        problem: `it was replayed ${letter.replays} times already; --force does so again`,
      };
      continue;
    }
    if (rate !== undefined) {
      await clock.sleep(Math.max(0, dueAt - clock.monotonic()), options.stop).catch(() => {});
      if (options.stop.aborted) return;
      dueAt = Math.max(dueAt, clock.monotonic() - 1000) + 1000 / rate;
    }
    try {
      await publishAgain({ exchange, ...replayOf(letter, clock.now()) }, letter, options);
    } catch (error) {
      yield { letter, result: "failed", problem: messageOf(error) };
      continue;
    }
    channel.ack(message);
    yield { letter, result: "replayed" };
  }
}

/** The broker itself dead-letters what a foreign publisher sent as it came: what cannot be written again stays behind. */
async function publishAgain(
  message: OutgoingMessage,
  { replays }: DeadLetter,
  { publisher, clock }: ReplayOptions,
): Promise<void> {
  try {
    await publisher.publish(message);
  } catch (error) {
    if (!(error instanceof PublishError && error.reason === "unwritable")) throw error;
    const headers = { [replaysHeader]: replays + 1 };
    await publisher.publish({ ...message, headers, properties: undefined, timestampMs: clock.now(), appId: "" });
  }
}

async function* take(
  channel: Channel,
  queue: string,
  { filter, limit = Infinity, mostSeen = Infinity, stop }: Selection,
): AsyncGenerator<Taken> {
  const { messageCount } = await channel.checkQueue(queue);
  const most = Math.min(messageCount, mostSeen);
  let taken = 0;
  for (let seen = 0; seen < most && taken < limit && !stop.aborted; seen++) {
    const message = await channel.get(queue);
    if (!message) return;
    const letter = understand(message);
    if (!matches(letter, filter)) continue;
    taken++;
    yield { letter, message };
  }
}

export function matches({ reason, messageId, sentId }: DeadLetter, { reasons, ids }: Filter): boolean {
  return (reasons?.includes(reason) ?? true) && (ids?.some((id) => id === messageId || id === sentId) ?? true);
}

/** A letter that was replayed this often and died each time will not be cured by one more replay. */
const mostReplays = 10;

export function isWornOut({ replays }: DeadLetter): boolean {
  return replays >= mostReplays;
}

/**
 * The message that a replay publishes. It starts anew, with all of RETRY_DELAYS_MS before it.
 * @param now milliseconds since 1970, for a letter that does not say when it was published
 */
export function replayOf(letter: DeadLetter, now: number): Omit<OutgoingMessage, "exchange"> & { headers: Headers } {
  const { routingKey, expiration } = restored(letter.headers);
  const { [retriesHeader]: _, [originHeaders.expiration]: __, ...headers } = withoutBrokerHeaders(
    exactOf(letter).headers,
  );
  return {
    ...(routingKey !== undefined && { routingKey }),
    messageId: letter.messageId,
    body: letter.body,
    headers: {
      ...headers,
      ...(letter.sentId !== undefined && { [originHeaders.messageId]: letter.sentId }),
      [replaysHeader]: letter.replays + 1,
    },
    ...(letter.origin && {
      properties: { ...propertiesToKeep(letter.origin), ...(expiration !== undefined && { expiration }) },
    }),
    timestampMs: letter.timestampMs ?? now,
    appId: letter.appId ?? "",
  };
}
