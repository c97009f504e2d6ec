/** The places where an event was looked for, and the verdict. */
import type { FoundEvent, Look } from "../dashboard/find_answer.ts";
import type { QueueCount } from "../metrics/queue_depths.ts";
import type { Held } from "./held.ts";
import type { FoundLetters } from "./letters.ts";
import type { StoredEvent } from "./stored.ts";

/** The findings in one place, or its problem. */
export type Part<T> = { readonly value: T; readonly problem?: undefined } | { readonly problem: string };

export function lookAtEvents(stored: Part<readonly StoredEvent[]>): Look {
  const place = "events";
  if (stored.problem !== undefined) return { place, outcome: `not looked at: ${stored.problem}`, complete: false };
  return { place, outcome: `${plural(stored.value.length, "event")} stored`, complete: true };
}

export function lookAtLetters(letters: Part<FoundLetters>): Look {
  const place = "dead_letters";
  if (letters.problem !== undefined) return { place, outcome: `not looked at: ${letters.problem}`, complete: false };
  const { letters: found, isCut } = letters.value;
  const cut = isCut ? "; the player has more, and only the newest 500 were looked at" : "";
  return { place, outcome: plural(found.length, "letter") + cut, complete: !isCut };
}

export function lookAtSubscribers(held: Part<Held>): Look {
  const place = "subscribers";
  if (held.problem !== undefined) return { place, outcome: `not asked: ${held.problem}`, complete: false };
  const { found, asked, unheard, passing } = held.value;
  const parts = [
    asked + unheard.length === 0
      ? passing > 0 ? "nothing is held" : "nothing is in hand"
      : `${plural(found.length, "event")} held; ${asked} asked`,
    ...unheard.map(({ id, events }) => `${id} holds ${plural(events, "event")} and does not answer`),
  ];
  if (passing > 0) parts.push(`${plural(passing, "event")} taken a moment ago, not looked at`);
  return { place, outcome: parts.join("; "), complete: unheard.length === 0 && passing === 0 };
}

/** Only counts the messages: a queue cannot be searched without taking them. */
export function lookAtQueues(counts: Part<readonly QueueCount[]>): Look {
  const place = "queues";
  if (counts.problem !== undefined) return { place, outcome: `not looked at: ${counts.problem}`, complete: false };
  const waiting = counts.value.filter(({ messages }) => messages);
  if (waiting.length === 0) return { place, outcome: "nothing waits in them", complete: true };
  const outcome = waiting.map(({ name, messages }) => `${plural(messages!, "message")} in ${name}`).join(", ");
  return { place, outcome: `${outcome}, not looked at: a queue cannot be searched`, complete: false };
}

const names = {
  events: "the stored events",
  subscribers: "the subscribers",
  dead_letters: "the dead letters",
  queues: "the queues",
};

export function verdictOf(events: readonly FoundEvent[], looked: readonly Look[]): string {
  const [event] = events;
  const unsure = looked.filter(({ complete }) => !complete).map(({ place }) => names[place]);
  if (events.length > 1) return `${plural(events.length, "event")}.`;
  if (event) return one[event.state];
  return unsure.length === 0
    ? "It is nowhere: it was never published here, or it was removed. Its publisher's log names what was not accepted."
    : `It was not found, and may be in ${listOf(unsure)}, where not everything could be looked at.`;
}

const one: Readonly<Record<FoundEvent["state"], string>> = {
  stored: "It is stored.",
  held: "A subscriber holds it, and has not stored it yet.",
  dead: "It is a dead letter.",
  replayed: "It was replayed, and is not stored: it waits in the events queue, or is on its way.",
  dropped: "It was dropped by an operator, and is not stored.",
  resolved: "Its letter was closed because it had been stored; the row is no longer there.",
};

function listOf(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function plural(count: number, thing: string): string {
  return `${String(count).replace(/\B(?=(\d{3})+$)/g, ",")} ${thing}${count === 1 ? "" : "s"}`;
}
