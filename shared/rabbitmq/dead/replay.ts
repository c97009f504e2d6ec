/** Replays: letters published again under their own ids, wherever they are kept. */
import { retriesHeader } from "../publish/delay_queues.ts";
import { type Headers, type OutgoingMessage, replaysHeader, withoutBrokerHeaders } from "../message.ts";
import { PublishError } from "../publish/publisher.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/errors.ts";
import { exactOf, originHeaders, propertiesToKeep, restored } from "../origin/origin.ts";
import type { DeadLetter } from "./dead_letter.ts";

/** Where letters are replayed from. */
export interface ReplaySource<L extends DeadLetter> {
  /** Letters that were there when this began, each once, some at a time. */
  take(): AsyncIterable<readonly L[]>;
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
    // With a rate one by one, so that the letters that are marked are those that were published.
    const size = rate === undefined ? letters.length : 1;
    try {
      for (let at = 0; at < letters.length; at += size) {
        if (rate !== undefined && !isRefused(letters[at]!, options)) {
          await clock.sleep(Math.max(0, dueAt - clock.monotonic()), stop).catch(() => {});
          dueAt = Math.max(dueAt, clock.monotonic() - 1000) + 1000 / rate;
        }
        if (stop.aborted) return;
        const batch = letters.slice(at, at + size);
        for (const letter of batch) left.delete(letter);
        const results = await Promise.all(batch.map((letter) => replayOne(letter, options)));
        const told = results.filter((result) => result !== undefined);
        const done = told.filter(({ result }) => result === "replayed").map(({ letter }) => letter);
        if (done.length > 0) await source.replayed(done);
        const refused = told.filter((one) => one.result === "refused" || one.result === "failed" && !one.published);
        if (refused.length > 0) await source.kept(refused.map(({ letter }) => letter), "no");
        const unknown = batch.filter((letter) =>
          !done.includes(letter) && !refused.some((one) => one.letter === letter)
        );
        if (unknown.length > 0) await source.kept(unknown, "maybe");
        yield* told;
      }
    } finally {
      // Those that it did not come to.
      if (left.size > 0) await source.kept([...left], "no");
    }
  }
}

/** @returns `undefined` when it was stopped before the broker had confirmed it: the letter stays dead */
async function replayOne<L extends DeadLetter>(letter: L, options: ReplayOptions): Promise<Replayed<L> | undefined> {
  if (isRefused(letter, options)) {
    const problem = `it was replayed ${letter.replays} times already; --force does so again`;
    return { letter, result: "refused", problem };
  }
  const { exchange, clock, stop } = options;
  try {
    await publishAgain({ exchange, ...replayOf(letter, clock.now()) }, letter, options);
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
