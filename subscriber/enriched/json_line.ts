/**
 * An enriched event as JSON, put together by hand: a fifth of the cost of objects for JSON.stringify. The keys are those of
 * shared/event/json.ts; what does not apply is left out.
 */
import { formatMs, formatTimestamp } from "../../shared/event/timestamp.ts";
import { printableJson } from "../../shared/runtime/printable.ts";
import { type Column, columns, type Enriched } from "./enriched.ts";

/** With the key `message_id`, which tells stored events apart. */
export const storedEventJson = writerOf(columns);

/** For stdout: the event as a publisher writes it, without message id, and the facts found about it. */
export function jsonLine(enriched: Enriched): string {
  return `${eventJson(enriched)}\n`;
}

const eventJson = writerOf(columns.filter(({ name }) => name !== "message_id"));

/** One property, and what goes before its value. */
interface Part {
  readonly before: string;
  /** In place of `before` while the object within the event that it is part of is not open. */
  readonly opening: string | undefined;
  readonly column: Column;
  /** Whether it is the last of an object within the event. */
  readonly closes: boolean;
}

function writerOf(columns: readonly Column[]): (enriched: Enriched) => string {
  const shown = columns.filter(({ json }) => json);
  const parts = shown.map((column, i): Part => {
    const { key, inside } = column.json!;
    const closes = inside !== undefined && shown[i + 1]?.json?.inside !== inside;
    const opening = inside === undefined ? undefined : `,"${inside}":{"${key}":`;
    return { before: `${i === 0 ? "{" : ","}"${key}":`, opening, column, closes };
  });
  return (enriched) => {
    let json = "";
    let isOpen = false;
    for (let i = 0; i < parts.length; i++) {
      const { before, opening, column, closes } = parts[i]!;
      const text = textOf(column, enriched);
      if (text !== undefined) {
        if (opening === undefined || isOpen) json += before + text;
        else {
          json += opening + text;
          isOpen = true;
        }
      }
      if (closes && isOpen) {
        json += "}";
        isOpen = false;
      }
    }
    return `${json}}`;
  };
}

/** A switch, for the reason that event_rows.ts gives. JSON shows neither subscriber nor rates. */
function textOf(column: Column, enriched: Enriched): string | undefined {
  switch (column.type) {
    case "int8": {
      const value = column.of(enriched, "");
      return value === undefined ? undefined : integer(value);
    }
    case "text": {
      const value = column.of(enriched, "");
      return value === undefined ? undefined : quoted(value);
    }
    case "bool": {
      const value = column.of(enriched, "");
      return value === undefined ? undefined : String(value);
    }
    case "timestamptz": {
      const value = column.of(enriched, "");
      if (value === undefined) return undefined;
      return `"${typeof value === "number" ? formatMs(value) : formatTimestamp(value)}"`;
    }
    case "numeric":
      return column.of(enriched, "")?.perEur;
    case "uuid":
      return `"${column.of(enriched, "")}"`;
  }
}

const safest = BigInt(Number.MAX_SAFE_INTEGER);

/** A number while it is a safe integer, a decimal string beyond. */
function integer(value: bigint): string {
  return value <= safest && value >= -safest ? String(value) : `"${value}"`;
}

/** Anything but printable ASCII. Nearly all texts have none, and are only searched for quotes. */
const beyondAscii = /[^ -~]/;
/**
 * Characters that JSON or JSON.stringify escapes (RFC 8259, section 7, and halves of surrogate pairs), and those that
 * printable.ts keeps from a terminal.
 */
// deno-lint-ignore no-control-regex -- control characters are what it is about
const special = /["\\\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/;

function quoted(value: string): string {
  if (beyondAscii.test(value)) return special.test(value) ? printableJson(JSON.stringify(value)) : `"${value}"`;
  return value.includes('"') || value.includes("\\") ? JSON.stringify(value) : `"${value}"`;
}
