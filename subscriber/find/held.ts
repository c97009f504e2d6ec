/** Asks those subscribers that hold something whether it is the event. */
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
  /** Those of them that did not answer, and those that are silent, with how many events they hold. */
  readonly unheard: readonly Pick<HeardReport, "id" | "events">[];
  /** Events in the hands of subscribers that work, which have them for no longer than {@linkcode momentMs}. */
  readonly passing: number;
}

/** What is in hand for less is stored or dead before anybody reads that it was in hand. */
export const momentMs = 1_000;
/** It tells something every second. */
const silentMs = 5_000;
/** A subscriber hears the question within a second of its asking. */
const answerWithinMs = 2_500;
const pollMs = 50;

/** @throws when the reports cannot be read, or nothing can be asked */
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

/** Whether it has something in hand for longer than a moment, or may have: 0.2.0 does not tell. */
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

/** `undefined` for what no subscriber of this version wrote. */
function heldOf(answer: string | undefined): readonly HeldEvent[] | undefined {
  try {
    const held = JSON.parse(answer ?? "");
    return Array.isArray(held) && held.every((each) => typeof each?.message_id === "string") ? held : undefined;
  } catch {
    return undefined;
  }
}
