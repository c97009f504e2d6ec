/** Asks the subscribers that hold events whether they hold this one. */
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Fleet, HeardReport } from "../metrics/fleet/fleet.ts";
import { type HeldEvent, mostHeld, questionOf } from "./in_hand.ts";
import type { FindQuery } from "./query.ts";

export interface FleetSource {
  readonly fleet: Pick<Fleet, "read" | "ask" | "answers">;
  readonly newId: () => string;
  readonly clock: Clock;
}

export interface Held {
  readonly found: readonly { readonly by: string; readonly held: HeldEvent }[];
  readonly asked: number;
  /** Subscribers that did not answer or are silent, and the number of events each holds. */
  readonly unheard: readonly Pick<HeardReport, "id" | "events">[];
  /** Number of events that working subscribers have had for less than {@linkcode momentMs}. */
  readonly passing: number;
}

/** An event in hand for less time is stored or dead before anybody reads the answer. */
export const momentMs = 1_000;
/** A subscriber without a report for this time (ms) is silent. It reports every second while it holds events. */
const silentMs = 5_000;
/** Time limit of an answer: a subscriber reads a question within a second. */
const answerWithinMs = 2_500;
const pollMs = 50;

/** Asks all subscribers that hold events. @throws when the reports cannot be read, or the question cannot be sent */
export async function askSubscribers(query: FindQuery, { fleet, newId, clock }: FleetSource): Promise<Held> {
  const reports = (await fleet.read()).filter(({ events }) => events > 0);
  const holding = reports.filter(holds);
  const silent = holding.filter(({ heard_ms }) => heard_ms >= silentMs);
  const asked = holding.filter((report) => !silent.includes(report)).map(({ id }) => id);
  const answers = asked.length > 0 ? await ask(query, asked, { fleet, newId, clock }) : [];
  const answered = asked.flatMap((by, i) => heldOf(answers[i])?.map((held) => ({ by, held })) ?? []);
  const mute = reports.filter(({ id }) => asked.some((other, i) => other === id && !heldOf(answers[i])));
  return {
    found: answered.slice(0, mostHeld),
    asked: asked.length,
    unheard: [...silent, ...mute].map(({ id, events }) => ({ id, events })),
    passing: reports.filter((report) => !holds(report)).reduce((sum, { events }) => sum + events, 0),
  };
}

/**
 * Whether the subscriber has, or may have, an event in hand for longer than a moment: version 0.2.0 sends no `held_ms`.
 */
function holds({ state, held_ms = Infinity, heard_ms }: HeardReport): boolean {
  return state !== "working" || held_ms >= momentMs || heard_ms >= silentMs;
}

async function ask(
  query: FindQuery,
  asked: readonly string[],
  { fleet, newId, clock }: FleetSource,
): Promise<readonly (string | undefined)[]> {
  const id = newId();
  await fleet.ask({ id, text: questionOf(query) });
  for (const until = clock.monotonic() + answerWithinMs;;) {
    const answers = await fleet.answers(id, asked);
    if (answers.every((answer) => answer !== undefined) || clock.monotonic() >= until) return answers;
    await clock.sleep(pollMs);
  }
}

/** Parses an answer. Returns `undefined` when no subscriber of this version wrote it. */
function heldOf(answer: string | undefined): readonly HeldEvent[] | undefined {
  try {
    const held = JSON.parse(answer ?? "");
    return Array.isArray(held) && held.every((each) => typeof each?.message_id === "string") ? held : undefined;
  } catch {
    return undefined;
  }
}
