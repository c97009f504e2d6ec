/** Where is this event? Looks in the dead letters, in the hands of subscribers, in the table of events, and at the queues. */
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Database } from "../../shared/postgres/pool.ts";
import { explainStoreError, messageOf } from "../../shared/runtime/errors.ts";
import { redact } from "../../shared/runtime/secrets.ts";
import type { FindAnswer, Look } from "../dashboard/find_answer.ts";
import type { QueueCount } from "../metrics/queue_depths.ts";
import { askSubscribers, type FleetSource, type Held } from "./held.ts";
import { findLetters, type FoundLetters } from "./letters.ts";
import { lookAtEvents, lookAtLetters, lookAtQueues, lookAtSubscribers, type Part, verdictOf } from "./looks.ts";
import type { FindQuery } from "./query.ts";
import { type Findings, foundEvent } from "./stations.ts";
import { findStored, type StoredEvent } from "./stored.ts";

export interface FindSources extends FleetSource {
  readonly database: Database;
  readonly queues: () => Promise<readonly QueueCount[]>;
  readonly clock: Clock;
}

/** Nobody reads more; an event id is one event's, and a player's time can be narrowed. */
const mostEvents = 20;

/** Never rejects: a server that does not answer is among the places that were looked at. */
export async function find(query: FindQuery, sources: FindSources): Promise<FindAnswer> {
  const { database, queues, clock } = sources;
  const [letters, held, counts] = await Promise.all([
    part(findLetters(database, query, mostEvents), explainStoreError),
    part(askSubscribers(query, sources), messageOf),
    part(queues(), messageOf),
  ]);
  // Last: what was in hand a moment ago is stored now. Ids that were found elsewhere are looked up as well.
  const known = [...messageIdsOf(letters, held)].slice(0, mostEvents);
  const stored = await part(findStored(database, query, known, mostEvents), explainStoreError);
  const found = [...byMessageId(letters, held, stored).values()];
  const looked: Look[] = [
    lookAtEvents(stored),
    lookAtSubscribers(held),
    lookAtLetters(letters),
    lookAtQueues(counts),
  ];
  const events = found.slice(0, mostEvents).map((findings) => foundEvent(findings, clock.now()));
  return { events, more: found.length > mostEvents, verdict: verdictOf(events, looked), looked };
}

function messageIdsOf(letters: Part<FoundLetters>, held: Part<Held>): Set<string> {
  const ids = new Set<string>();
  if (letters.problem === undefined) { for (const { messageId } of letters.value.letters) ids.add(messageId); }
  if (held.problem === undefined) { for (const { held: { message_id } } of held.value.found) ids.add(message_id); }
  return ids;
}

function byMessageId(
  letters: Part<FoundLetters>,
  held: Part<Held>,
  stored: Part<readonly StoredEvent[]>,
): Map<string, Findings> {
  const all = new Map<string, Findings>();
  const of = (messageId: string) => {
    const findings = all.get(messageId) ?? { messageId, held: [], letters: [] };
    all.set(messageId, findings);
    return findings;
  };
  if (stored.problem === undefined) { for (const event of stored.value) of(event.messageId).stored = event; }
  if (held.problem === undefined) { for (const each of held.value.found) of(each.held.message_id).held.push(each); }
  if (letters.problem === undefined) {
    for (const letter of letters.value.letters) of(letter.messageId).letters.push(letter);
  }
  return all;
}

async function part<T>(asked: Promise<T>, explain: (error: unknown) => string): Promise<Part<T>> {
  try {
    return { value: await asked };
  } catch (error) {
    return { problem: redact(explain(error)) };
  }
}
