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
  if (stored.problem !== undefined) return { place, outcome: `not searched: ${stored.problem}`, complete: false };
  return { place, outcome: `${plural(stored.value.length, "event")} stored`, complete: true };
}

export function lookAtLetters(letters: Part<FoundLetters>): Look {
  const place = "dead_letters";
  if (letters.problem !== undefined) return { place, outcome: `not searched: ${letters.problem}`, complete: false };
  const { letters: found, isCut } = letters.value;
  const cut = isCut ? "; only the player's newest 500 letters were searched" : "";
  return { place, outcome: plural(found.length, "letter") + cut, complete: !isCut };
}

export function lookAtSubscribers(held: Part<Held>): Look {
  const place = "subscribers";
  if (held.problem !== undefined) return { place, outcome: `not asked: ${held.problem}`, complete: false };
  const { found, asked, unheard, passing } = held.value;
  const parts = [
    asked + unheard.length === 0
      ? passing > 0 ? "no event held" : "no event in hand"
      : `${plural(found.length, "event")} held; ${asked} asked`,
    ...unheard.map(({ id, events }) => `${id} holds ${plural(events, "event")} and did not answer`),
  ];
  if (passing > 0) parts.push(`${plural(passing, "event")} delivered a moment ago, not searched`);
  return { place, outcome: parts.join("; "), complete: unheard.length === 0 && passing === 0 };
}

/** Only counts the messages: a queue cannot be searched without taking them. */
export function lookAtQueues(counts: Part<readonly QueueCount[]>): Look {
  const place = "queues";
  if (counts.problem !== undefined) return { place, outcome: `not searched: ${counts.problem}`, complete: false };
  const waiting = counts.value.filter(({ messages }) => messages);
  if (waiting.length === 0) return { place, outcome: "empty", complete: true };
  const outcome = waiting.map(({ name, messages }) => `${plural(messages!, "message")} in ${name}`).join(", ");
  return { place, outcome: `${outcome}, not searched: a queue cannot be searched`, complete: false };
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
    ? "Not found: the event was never published here, or it was removed. The publisher's log names rejected events."
    : `Not found, but the event may be in ${listOf(unsure)}: the search there is incomplete.`;
}

const one: Readonly<Record<FoundEvent["state"], string>> = {
  stored: "The event is stored.",
  held: "A subscriber holds the event, and has not stored it yet.",
  dead: "The event is a dead letter.",
  replayed: "The event was replayed, and is not stored yet: it waits in the events queue, or is being processed.",
  dropped: "An operator dropped the event; it is not stored.",
  resolved: "The event had been stored, and its dead letter was resolved; the stored row no longer exists.",
};

function listOf(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function plural(count: number, thing: string): string {
  return `${String(count).replace(/\B(?=(\d{3})+$)/g, ",")} ${thing}${count === 1 ? "" : "s"}`;
}
