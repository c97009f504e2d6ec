/** Finds an event: in the dead letters, in the hands of subscribers, in the table of events, and in the queues. */
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

/** Maximum number of events: an event id usually names one event, and a player's time span can be narrowed. */
const mostEvents = 20;

/** Looks in all places. Never rejects: the answer names a server that failed among the places. */
export async function find(query: FindQuery, sources: FindSources): Promise<FindAnswer> {
  const { database, queues, clock } = sources;
  const [letters, held, counts] = await Promise.all([
    part(findLetters(database, query, mostEvents), explainStoreError),
    part(askSubscribers(query, sources), messageOf),
    part(queues(), messageOf),
  ]);
  // Last, because an event in hand a moment ago may be stored now. Ids found elsewhere are looked up too.
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
