/** A dead letter as a row of the table `dead_letters`, and back. */
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import type { ConsumeMessage } from "amqplib";
import type { Event } from "../../shared/event/event.ts";
import { decodeEvent } from "../../shared/event/protobuf.ts";
import { causeOf } from "../../shared/rabbitmq/dead/cause.ts";
import {
  type DeadLetter,
  type Fate,
  type LetterEdit,
  type Status,
  understand,
} from "../../shared/rabbitmq/dead/dead_letter.ts";
import { withoutBrokerHeaders } from "../../shared/rabbitmq/message.ts";
import { exactOf } from "../../shared/rabbitmq/origin/origin.ts";
import { rememberedBytes } from "../../shared/runtime/deno_workarounds/amqp_exact_properties.ts";
import { propertiesOfWire } from "../../shared/rabbitmq/origin/wire_properties.ts";
import type { Row } from "../../shared/postgres/pool.ts";

/** A letter in the table. */
export interface KeptLetter extends DeadLetter {
  /** Ids ascend in the order in which letters were added. */
  readonly id: bigint;
  readonly fate: Fate;
}

/** The columns that a keeper writes, and their types. */
export const writtenColumns = [
  ["letter_key", "uuid"],
  ["message_id", "uuid"],
  ["attempts", "bigint"],
  ["replays", "bigint"],
  ["event_id", "bigint"],
  ["player_id", "bigint"],
  ["first_failed_at", "timestamptz"],
  ["last_failed_at", "timestamptz"],
  ["by_broker", "boolean"],
  ["cause_group", "text"],
  ["reason", "text"],
  ["cause", "text"],
  ["detail", "text"],
  ["type", "text"],
  ["sent_id", "text"],
  ["subscriber_id", "text"],
  ["exchange", "text"],
  ["routing_key", "text"],
  ["properties", "bytea"],
  ["body", "bytea"],
] as const;

/** A letter on its way into the table. Contains only the needed parts of the message: many letters may be in hand. */
export interface LetterRow {
  readonly letter: Pick<DeadLetter, "messageId" | "reason" | "byBroker">;
  /** One value for each of {@linkcode writtenColumns}, without the last two. */
  readonly values: readonly (string | null)[];
  readonly properties: Uint8Array;
  readonly body: Uint8Array;
  readonly bytes: number;
}

/** Bounds the memory of a page: bodies and headers have any size, and headers take many times their bytes in memory. */
export const pageBytes = 2 * 1024 * 1024;
/** Larger than any event's body. */
export const mostBodyRead = 64 * 1024;

/** An index entry of Postgres takes at most 2,700 bytes. */
const [longestReason, longestId, longestDetail] = [100, 400, 4_096];

/**
 * @param message its properties must remember their bytes
 * @throws {TypeError} when the properties do not remember their bytes
 */
export function rowOf(message: ConsumeMessage): LetterRow {
  const wire = rememberedBytes(message.properties);
  if (!wire) throw new TypeError("The properties of a letter do not remember their bytes");
  const letter = understand(message);
  const { messageId, sentId, reason, detail, byBroker, subscriber, attempts, replays, event } = letter;
  const cause = causeOf(letter);
  const values = [
    ...[keyOf(letter), messageId, String(attempts), String(replays)],
    ...[bigintOf(event?.id), bigintOf(event?.playerId), timeOf(letter.firstFailedAt), timeOf(letter.lastFailedAt)],
    ...[String(byBroker), cause.group, textOf(reason, longestReason), textOf(cause.text, longestDetail)],
    ...[textOf(detail, longestDetail), event?.type ?? null, sentId === undefined ? null : textOf(sentId, longestId)],
    subscriber === undefined ? null : textOf(subscriber, longestReason),
    ...[textOf(message.fields.exchange, longestId), textOf(message.fields.routingKey, longestId)],
  ];
  const { content: body } = message;
  return { letter: { messageId, reason, byBroker }, values, properties: wire, body, bytes: wire.length + body.length };
}

/**
 * Returns the select list for {@linkcode letterOfRow}.
 * @param mostBodyBytes bytes of the body to read, from its beginning
 */
export function readColumns(mostBodyBytes: number): string {
  return `id, message_id, exchange, routing_key, encode(properties, 'base64'),
    encode(substring(body from 1 for ${mostBodyBytes}), 'base64'), octet_length(body), reason, detail,
    status, previous, acted_by, ${isoTime("acted_at")}, stored_by, ${isoTime("stored_at")}, edits, claim is not null,
    (select concat_ws(' ', encode(body, 'hex'), ${isoTime("edited_at")}, edited_by)
     from dead_letter_edits where letter = dead_letters.id and number = edits)`;
}

export function letterOfRow(row: Row): KeptLetter {
  const [id, messageId, exchange, routingKey, properties, body, bodyBytes, reason, detail, ...acts] = row;
  const message = {
    fields: { exchange: exchange!, routingKey: routingKey! },
    properties: propertiesOfWire(Buffer.from(properties!, "base64")),
    content: Buffer.from(body!, "base64"),
  };
  const letter = understand(message, { messageId: messageId!, bodyBytes: Number(bodyBytes) });
  // The reason and detail as stored: filters and groups use those.
  const acted = { fate: fateOf(BigInt(id!), acts), edit: editOf(acts.at(-1)) };
  const kept = { ...letter, reason: reason!, detail: detail!, id: BigInt(id!), ...acted };
  return Object.defineProperty(kept, "headers", { get: () => message.properties.headers });
}

/** Only edits with a valid event are stored. */
function editOf(text: string | null | undefined): LetterEdit | undefined {
  const [, hex, at, by] = /^(\w*) (\S+) (.*)$/s.exec(text ?? "") ?? [];
  if (hex === undefined) return undefined;
  const body = Uint8Array.fromHex(hex);
  return { body, event: decodeEvent(body) as Event, at: at!, by: by! };
}

function fateOf(id: bigint, [status, previous, actedBy, actedAt, storedBy, storedAt, edits, claimed]: Row): Fate {
  return {
    ...{ id, status: status as Status, previous: previous == null ? undefined : BigInt(previous) },
    ...{ actedBy: actedBy ?? undefined, actedAt: actedAt ?? undefined },
    ...{ storedBy: storedBy ?? undefined, storedAt: storedAt ?? undefined },
    ...{ edits: Number(edits), claimed: claimed === "t" },
  };
}

/** Returns SQL that shows a time as RFC 3339, to the millisecond. */
export function isoTime(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/**
 * Returns the key of a letter: the same for each delivery of a letter, and another for each other letter. Headers that
 * the broker adds for itself do not count.
 */
function keyOf(letter: DeadLetter): string {
  const { messageId, reason, detail, lastFailedAt, attempts, replays, body } = letter;
  const hash = createHash("sha256");
  hash.update(JSON.stringify([messageId, reason, detail, lastFailedAt, attempts, replays, headersOf(letter)]));
  return hash.update(body).digest("hex").slice(0, 32);
}

function headersOf(letter: DeadLetter): string {
  const exact = (_: string, value: unknown) => typeof value === "bigint" ? `${value}n` : value;
  try {
    // RabbitMQ sorts the headers when it adds one, as it does when it redelivers a letter.
    const sorted = Object.entries(withoutBrokerHeaders(exactOf(letter).headers)).sort(([a], [b]) => a < b ? -1 : 1);
    return JSON.stringify(sorted, exact);
  } catch (error) {
    // The tables are nested deeper than the stack allows.
    if (error instanceof RangeError) return "";
    throw error;
  }
}

/** Replaces what Postgres cannot store in text: the character 0, and halves of surrogate pairs. */
function textOf(text: string, longest: number): string {
  return text.slice(0, longest).replaceAll("\0", "\u{fffd}").toWellFormed();
}

function bigintOf(value: bigint | undefined): string | null {
  return value === undefined ? null : String(value);
}

/**
 * Returns null for text that is no time, and for years that Postgres cannot read in this form: a header may contain
 * anything.
 */
function timeOf(text: string | undefined): string | null {
  const ms = Date.parse(text ?? "");
  return ms >= 0 && ms < Date.UTC(9999, 0) ? new Date(ms).toISOString() : null;
}
