/** Replays letters from any store: publishes them again under their own ids. */
import { type Headers, type OutgoingMessage, replaysHeader, withoutBrokerHeaders } from "../message.ts";
import { PublishError } from "../publish/publisher.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/errors.ts";
import { exactOf, originHeaders, propertiesToKeep, restored } from "../origin/origin.ts";
import { rememberedBytes } from "../../runtime/deno_workarounds/amqp_exact_properties.ts";
import { eventRouting } from "../shards.ts";
import type { DeadLetter } from "./dead_letter.ts";

/** Version 0.1.0 counts a message's delays in this header. A replay removes it, so that 0.1.0 counts from zero. */
export const retriesHeader = "retry-attempts";

/** The store that letters are replayed from. */
export interface ReplaySource<L extends DeadLetter> {
  /** Yields the letters that existed at the start, each once, in batches. */
  take(): AsyncIterable<readonly L[]>;
  /** Returns the letter with its whole body, if `take` returned only the beginning. */
  whole(letter: L): Promise<L>;
  /** Marks letters as replayed: they are published and confirmed. */
  replayed(letters: readonly L[]): Promise<void>;
  /**
   * Keeps letters dead.
   * @param published whether any of them may have been published
   */
  kept(letters: readonly L[], published: "no" | "maybe"): Promise<void>;
}

export interface ReplayOptions {
  /** EVENTS_EXCHANGE */
  readonly exchange: string;
  /** EVENTS_SHARDS; 1 by default. */
  readonly shards?: number | undefined;
  readonly publisher: { publish(message: OutgoingMessage, signal?: AbortSignal): Promise<void> };
  readonly clock: Clock;
  /** Letters per second; `undefined`: no limit. */
  readonly rate: number | undefined;
  /** Also replays letters that {@linkcode isWornOut}. */
  readonly force: boolean;
  readonly stop: AbortSignal;
}

export type Replayed<L extends DeadLetter> =
  & { readonly letter: L }
  & (
    | { readonly result: "replayed" }
    /** The letter stays; `problem` says why. */
    | { readonly result: "refused"; readonly problem: string }
    | {
      readonly result: "failed";
      readonly problem: string;
      /** Whether the broker may have it all the same. */
      readonly published: boolean;
    }
  );

/**
 * Yields a letter as replayed after the broker has confirmed the new message and the source has marked the letter. A
 * process that is killed in between leaves the letter dead. Replaying it again still stores its event only once.
 */
export async function* replay<L extends DeadLetter>(
  source: ReplaySource<L>,
  options: ReplayOptions,
): AsyncGenerator<Replayed<L>> {
  const { clock, rate, stop } = options;
  let dueAt = clock.monotonic();
  for await (const letters of source.take()) {
    const left = new Set(letters);
    try {
      // With a rate, letters go one by one, so that each is marked as soon as it is published.
      for (const some of inTurn(letters, rate !== undefined)) {
        if (rate !== undefined && !isRefused(some[0]!, options)) {
          await clock.sleep(Math.max(0, dueAt - clock.monotonic()), stop).catch(() => {});
          dueAt = Math.max(dueAt, clock.monotonic() - 1000) + 1000 / rate;
        }
        if (stop.aborted) return;
        for (const letter of some) left.delete(letter);
        const results = await Promise.all(some.map((letter) => replayOne(letter, source, options)));
        const told = results.filter((result) => result !== undefined);
        await settle(source, some, told);
        yield* told;
      }
    } finally {
      // The letters that the replay did not reach.
      if (left.size > 0) await source.kept([...left], "no");
    }
  }
}

/** Reports each letter's result to the source. */
async function settle<L extends DeadLetter>(
  source: ReplaySource<L>,
  letters: readonly L[],
  told: readonly Replayed<L>[],
): Promise<void> {
  const done = told.filter(({ result }) => result === "replayed").map(({ letter }) => letter);
  if (done.length > 0) await source.replayed(done);
  const refused = told
    .filter((one) => one.result === "refused" || one.result === "failed" && !one.published)
    .map(({ letter }) => letter);
  if (refused.length > 0) await source.kept(refused, "no");
  const unknown = letters.filter((letter) => !done.includes(letter) && !refused.includes(letter));
  if (unknown.length > 0) await source.kept(unknown, "maybe");
}

/** Yields batches to publish at once: a single letter with a large body or large headers, or any number of others. */
function* inTurn<L extends DeadLetter>(letters: readonly L[], singly: boolean): Generator<readonly L[]> {
  for (let from = 0, to = 1; from < letters.length; from = to++) {
    const isAlone = (at: number) => singly || isLarge(letters[at]!);
    while (to < letters.length && !isAlone(from) && !isAlone(to)) to++;
    yield letters.slice(from, to);
  }
}

/** While a letter is in flight, its headers as objects may take a hundred times their bytes. */
const mostHeaderBytes = 8_192;

function isLarge(letter: DeadLetter): boolean {
  const headerBytes = letter.origin && rememberedBytes(letter.origin.properties)?.length || 0;
  return isCut(letter) || headerBytes > mostHeaderBytes;
}

/** Whether the body to publish is only partly loaded. */
function isCut({ body, bodyBytes, edit }: DeadLetter): boolean {
  return body.length < bodyBytes && !edit;
}

/** @returns `undefined` when the replay is stopped before the broker confirms: the letter stays dead */
async function replayOne<L extends DeadLetter>(
  letter: L,
  source: ReplaySource<L>,
  options: ReplayOptions,
): Promise<Replayed<L> | undefined> {
  if (isRefused(letter, options)) {
    const problem = `already replayed ${letter.replays} times; replay it anyway with --force`;
    return { letter, result: "refused", problem };
  }
  const { clock, stop } = options;
  try {
    const whole = isCut(letter) ? await source.whole(letter) : letter;
    await publishAgain({ ...replayOf(whole, clock.now()), ...routeOf(whole, options) }, letter, options);
    return { letter, result: "replayed" };
  } catch (error) {
    if (stop.aborted) return undefined;
    const published = !(error instanceof PublishError && (error.isFinal || error.reason === "returned"));
    return { letter, result: "failed", problem: messageOf(error), published };
  }
}

/**
 * Publishes the message or, if the client cannot write its headers or properties, the message without them. The broker
 * dead-letters foreign messages unchanged, so a letter may have such headers.
 */
async function publishAgain(
  message: OutgoingMessage,
  { replays }: DeadLetter,
  { publisher, clock, stop }: ReplayOptions,
): Promise<void> {
  try {
    await publisher.publish(message, stop);
  } catch (error) {
    if (!(error instanceof PublishError && error.isFinal)) throw error;
    const headers = { [replaysHeader]: replays + 1 };
    await publisher.publish({ ...message, headers, properties: undefined, timestampMs: clock.now(), appId: "" }, stop);
  }
}

function isRefused(letter: DeadLetter, { force }: ReplayOptions): boolean {
  return isWornOut(letter) && !force;
}

/** After this many replays, one more does not help. */
const mostReplays = 10;

export function isWornOut({ replays }: DeadLetter): boolean {
  return replays >= mostReplays;
}

/**
 * Returns where a replay publishes. A letter that was divided by shard returns to its player's shard, as the shards are
 * today; if its player is unknown, to its own shard or, with fewer shards, another. Other letters go to the events
 * exchange, as they came.
 */
function routeOf(
  { headers, edit, event }: DeadLetter,
  { exchange, shards = 1 }: ReplayOptions,
): Pick<OutgoingMessage, "exchange" | "routingKey"> {
  const came = restored(headers);
  const routing = eventRouting({ EVENTS_EXCHANGE: exchange, EVENTS_SHARDS: shards });
  if (shards === 1 || came.exchange !== routing.exchange) return { exchange };
  const playerId = (edit?.event ?? event)?.playerId;
  const shard = Math.abs(Number(came.routingKey)) % shards || 0;
  return {
    exchange: routing.exchange,
    routingKey: playerId === undefined ? String(Math.floor(shard)) : routing.routingKeyOf(playerId),
  };
}

/**
 * Returns the message that a replay publishes.
 * @param now milliseconds since 1970, for a letter without a time of publication
 */
export function replayOf(letter: DeadLetter, now: number): Omit<OutgoingMessage, "exchange"> & { headers: Headers } {
  const { routingKey, expiration } = restored(letter.headers);
  const { [retriesHeader]: _, [originHeaders.expiration]: __, ...headers } = withoutBrokerHeaders(
    exactOf(letter).headers,
  );
  return {
    ...(routingKey !== undefined && { routingKey }),
    messageId: letter.messageId,
    body: letter.edit?.body ?? letter.body,
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
