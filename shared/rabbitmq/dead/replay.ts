/** Replays: letters published again under their own ids, wherever they are kept. */
import { type Headers, type OutgoingMessage, replaysHeader, withoutBrokerHeaders } from "../message.ts";
import { PublishError } from "../publish/publisher.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/errors.ts";
import { exactOf, originHeaders, propertiesToKeep, restored } from "../origin/origin.ts";
import { rememberedBytes } from "../../runtime/deno_workarounds/amqp_exact_properties.ts";
import type { DeadLetter } from "./dead_letter.ts";

/** In which 0.1.0 counts how often it has delayed a message: a replay beside it starts anew. */
export const retriesHeader = "retry-attempts";

/** Where letters are replayed from. */
export interface ReplaySource<L extends DeadLetter> {
  /** Letters that were there when this began, each once, some at a time. */
  take(): AsyncIterable<readonly L[]>;
  /** The letter with all of its body, where `take` gives only the beginning. */
  whole(letter: L): Promise<L>;
  /** These are published, and confirmed: they are no longer dead. */
  replayed(letters: readonly L[]): Promise<void>;
  /**
   * These stay dead.
   * @param published whether one of them may have been, as far as is known
   */
  kept(letters: readonly L[], published: "no" | "maybe"): Promise<void>;
}

export interface ReplayOptions {
  readonly exchange: string;
  readonly publisher: { publish(message: OutgoingMessage, signal?: AbortSignal): Promise<void> };
  readonly clock: Clock;
  /** Letters a second; `undefined`: as fast as it goes. */
  readonly rate: number | undefined;
  /** Also those that {@linkcode isWornOut} names. */
  readonly force: boolean;
  readonly stop: AbortSignal;
}

export type Replayed<L extends DeadLetter> =
  & { readonly letter: L }
  & (
    | { readonly result: "replayed" }
    /** Left where it is, and why. */
    | { readonly result: "refused"; readonly problem: string }
    | {
      readonly result: "failed";
      readonly problem: string;
      /** It may be with the broker all the same. */
      readonly published: boolean;
    }
  );

/**
 * A letter is told replayed once the broker has confirmed the new message and the source knows of it. A process that is
 * killed in between leaves the letter dead: replayed again, its event is stored once all the same.
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
      // With a rate one by one, so that the letters that are marked are those that were published.
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
      // Those that it did not come to.
      if (left.size > 0) await source.kept([...left], "no");
    }
  }
}

/** Tells the source what became of each letter. */
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

/** What is published at once: one letter with a large body or large headers, or any number of others. */
function* inTurn<L extends DeadLetter>(letters: readonly L[], singly: boolean): Generator<readonly L[]> {
  for (let from = 0, to = 1; from < letters.length; from = to++) {
    const isAlone = (at: number) => singly || isLarge(letters[at]!);
    while (to < letters.length && !isAlone(from) && !isAlone(to)) to++;
    yield letters.slice(from, to);
  }
}

/** Headers as objects may take a hundred times their bytes, while a letter is on its way. */
const mostHeaderBytes = 8_192;

function isLarge(letter: DeadLetter): boolean {
  const headerBytes = letter.origin && rememberedBytes(letter.origin.properties)?.length || 0;
  return isCut(letter) || headerBytes > mostHeaderBytes;
}

/** Not all of what would be published is here. */
function isCut({ body, bodyBytes, edit }: DeadLetter): boolean {
  return body.length < bodyBytes && !edit;
}

/** @returns `undefined` when it was stopped before the broker had confirmed it: the letter stays dead */
async function replayOne<L extends DeadLetter>(
  letter: L,
  source: ReplaySource<L>,
  options: ReplayOptions,
): Promise<Replayed<L> | undefined> {
  if (isRefused(letter, options)) {
    const problem = `it was replayed ${letter.replays} times already; --force does so again`;
    return { letter, result: "refused", problem };
  }
  const { exchange, clock, stop } = options;
  try {
    const whole = isCut(letter) ? await source.whole(letter) : letter;
    await publishAgain({ exchange, ...replayOf(whole, clock.now()) }, letter, options);
    return { letter, result: "replayed" };
  } catch (error) {
    if (stop.aborted) return undefined;
    const published = !(error instanceof PublishError && (error.isFinal || error.reason === "returned"));
    return { letter, result: "failed", problem: messageOf(error), published };
  }
}

/** The broker itself dead-letters what a foreign publisher sent as it came: what cannot be written again stays behind. */
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

/** A letter that was replayed this often and died each time will not be cured by one more replay. */
const mostReplays = 10;

export function isWornOut({ replays }: DeadLetter): boolean {
  return replays >= mostReplays;
}

/**
 * The message that a replay publishes.
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
