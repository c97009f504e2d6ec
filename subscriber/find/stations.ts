/** An event's history, in words and in the order of time. */
import { eventToJson } from "../../shared/event/json.ts";
import { exponentOf, formatMajor } from "../../shared/event/money.ts";
import { publishedAtMs } from "../../shared/rabbitmq/message.ts";
import type { FoundEvent, Station } from "../dashboard/find_answer.ts";
import type { HeldEvent } from "./in_hand.ts";
import type { FoundLetter } from "./letters.ts";
import type { StoredEvent } from "./stored.ts";

/** All findings for one message id. */
export interface Findings {
  readonly messageId: string;
  stored?: StoredEvent;
  readonly held: { readonly by: string; readonly held: HeldEvent }[];
  /** Newest first. */
  readonly letters: FoundLetter[];
}

/** @param nowMs milliseconds since 1970 */
export function foundEvent({ messageId, stored, held, letters }: Findings, nowMs: number): FoundEvent {
  const [letter] = letters;
  const waiting = held[0]?.held;
  const ofLetter = letter?.event ? { ...eventToJson(letter.event) } : null;
  const ended = letter && letter.status !== "dead" ? stateOf(letter.status) : "dead";
  return {
    message_id: messageId,
    sent_id: stored?.sentId ?? waiting?.sent_id ?? letter?.sentId ?? null,
    state: stored ? "stored" : waiting ? "held" : ended,
    event: stored?.event ?? (waiting?.event ? { ...waiting.event } : ofLetter),
    stations: [
      ...publishedStations(messageId, waiting, letters),
      ...inOrder([
        ...letters.flatMap(letterStations),
        ...held.map((each) => heldStation(each, nowMs)),
        ...stored ? storedStations(stored) : [],
      ]),
    ],
  };
}

function stateOf(status: string): FoundEvent["state"] {
  return status === "dropped" || status === "resolved" ? status : "replayed";
}

/** Takes the time of publication from the message, else from a UUIDv7: the table of events does not contain it. */
function publishedStations(messageId: string, held: HeldEvent | undefined, letters: readonly FoundLetter[]): Station[] {
  const oldest = letters.at(-1);
  const told = held?.published_ms ?? oldest?.publishedMs;
  const by = oldest?.publishedBy ?? null;
  if (typeof told === "number") {
    return [{ station: "published", at: timeOf(told), by, detail: "as its message says" }];
  }
  const idMs = msOfId(messageId);
  if (idMs === undefined) {
    return [{ station: "published", at: null, by, detail: "nobody kept when: its message id is no UUIDv7" }];
  }
  return [{ station: "published", at: timeOf(idMs), by, detail: "as its message id says" }];
}

/** Returns the time in a UUIDv7; `undefined` for other ids, and for ids derived from a body: their time is in 1970. */
function msOfId(messageId: string): number | undefined {
  if (messageId[14] !== "7") return undefined;
  const ms = parseInt(messageId.slice(0, 8) + messageId.slice(9, 13), 16);
  // publishedAtMs() compares a time with the id's time: here they are the same.
  return ms > 0 ? publishedAtMs({ messageId, timestampMs: ms, headers: {} }) : undefined;
}

function letterStations(letter: FoundLetter): Station[] {
  const { status, reason, detail, attempts, replays, edits, subscriber, failedAt, keptAt } = letter;
  const tried = `${attempts} ${attempts === 1 ? "try" : "tries"}${
    replays > 0 ? `, replayed ${times(replays)} before` : ""
  }`;
  const stations: Station[] = [{
    station: "dead",
    at: failedAt ?? keptAt,
    by: subscriber ?? "the broker",
    detail: `${reason}: ${detail || "without a detail"} (${tried})`,
  }];
  const who = letter.actedBy ?? null;
  if (edits > 0) stations.push({ station: "edited", at: null, by: null, detail: times(edits) });
  if (status === "replayed" || status === "dropped") {
    const detail = status === "replayed"
      ? "to the events queue again under the same message id; that does not mean that it is stored"
      : "it is kept among the dead letters, and nobody processes it";
    stations.push({ station: status, at: letter.actedAt ?? null, by: who, detail });
  }
  if (status === "resolved") {
    if (letter.actedAt) {
      stations.push({ station: "replayed", at: letter.actedAt, by: who, detail: "to the events queue again" });
    }
    const detail = "its event was found stored, and the letter closed";
    stations.push({ station: "resolved", at: letter.storedAt ?? null, by: letter.storedBy ?? null, detail });
  }
  return stations;
}

function heldStation({ by, held: { doing, problem, held_ms } }: Findings["held"][number], nowMs: number): Station {
  const at = typeof held_ms === "number" ? timeOf(nowMs - held_ms) : null;
  return { station: "held", at, by, detail: problem === null ? doing : `${doing}: ${problem}` };
}

function storedStations(stored: StoredEvent): Station[] {
  const { storedAt: at, storedBy: by } = stored;
  const batch = "in one transaction with all events of this subscriber that have the same time of storing";
  const reported = "before its ack, unless that subscriber runs with --quiet; no server keeps when";
  return [
    { station: "stored", at, by, detail: [priceOf(stored), batch].filter((part) => part !== "").join("; ") },
    { station: "reported", at: null, by, detail: reported },
  ];
}

function priceOf({ amount, currency, eurCents, rate, ratesAsOf }: StoredEvent): string {
  if (amount === undefined || currency === undefined || eurCents === undefined) return "";
  const eur = `${formatMajor(eurCents, 2)} EUR`;
  if (rate === undefined) return eur;
  const exponent = exponentOf(currency);
  const major = exponent === undefined ? `${amount} minor units of` : formatMajor(amount, exponent);
  return `${major} ${currency} are ${eur} at ${rate} for 1 EUR, the rate as of ${
    ratesAsOf ?? "a time that nobody kept"
  }`;
}

/** Sorts by time. A station without a time stays behind its predecessor. */
function inOrder(stations: readonly Station[]): Station[] {
  let last = "";
  const keyed = stations.map((station) => ({ station, key: last = station.at ?? last }));
  return keyed.toSorted((one, other) => one.key < other.key ? -1 : Number(one.key > other.key)).map(({ station }) =>
    station
  );
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
