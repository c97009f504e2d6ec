/**
 * An enriched event as a line of JSON, put together by hand: a fifth of the cost of objects for JSON.stringify. The keys are
 * those of shared/event_json.ts; what does not apply is left out.
 */
import { printableJson } from "../shared/runtime/printable.ts";
import { formatTimestamp } from "../shared/timestamp.ts";
import type { Enriched } from "./enriched.ts";

export function jsonLine({ event, price, player, description }: Enriched): string {
  let line = `{"id":${integer(event.id)},"player_id":${integer(event.playerId)}`;
  if ("gameId" in event) line += `,"game_id":${integer(event.gameId)}`;
  line += `,"type":"${event.type}"`;
  if ("amount" in event) line += `,"amount":${integer(event.amount)},"currency":${text(event.currency)}`;
  if ("hasWon" in event) line += `,"has_won":${event.hasWon}`;
  line += `,"created_at":"${formatTimestamp(event.createdAt)}"`;
  if (price) line += `,"amount_eur":${integer(price.eurCents)}`;
  if (player) {
    line += `,"player":{"email":${text(player.email)}`;
    if (player.lastSignedInAt) line += `,"last_signed_in_at":"${player.lastSignedInAt.toISOString()}"`;
    line += "}";
  }
  return `${line},"description":${text(description)}}\n`;
}

const safest = BigInt(Number.MAX_SAFE_INTEGER);

/** A number while it is a safe integer, a decimal string beyond. */
function integer(value: bigint): string {
  return value <= safest && value >= -safest ? String(value) : `"${value}"`;
}

/** Anything but what ASCII prints. Nearly all texts have none, and need no closer look than for quotes. */
const beyondAscii = /[^ -~]/;
/**
 * What JSON, or JSON.stringify, does not write as it is (RFC 8259, section 7, and halves of surrogate pairs), and what
 * printable.ts keeps from a terminal.
 */
// deno-lint-ignore no-control-regex
const special = /["\\\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/;

function text(value: string): string {
  if (beyondAscii.test(value)) return special.test(value) ? printableJson(JSON.stringify(value)) : `"${value}"`;
  return value.includes('"') || value.includes("\\") ? JSON.stringify(value) : `"${value}"`;
}
