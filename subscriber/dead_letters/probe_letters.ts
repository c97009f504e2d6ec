/** Probes: letters with which a keeper tests whether the table takes any. They are rolled back. */
import { createHash } from "node:crypto";
import type { Database } from "../../shared/postgres/pool.ts";
import { sqlStateOf } from "../../shared/runtime/errors.ts";
import { copiedLetter, copyStatement } from "./copied_letter.ts";
import { type LetterRow, writtenColumns } from "./letter_row.ts";

type Column = typeof writtenColumns[number][0];

const text = "whether the table takes a letter";
const nothing = new Uint8Array();
/** Not a number: its SQLSTATE invalid_text_representation rolls the transaction back when nothing else failed. */
const [undone, undoneState] = ["casino: the letter is undone", "22P02"];
/** Checks deferred constraints before the rollback. */
const undoStatement = `set constraints all immediate;\nselect cast('${undone} ' || now() as int)`;

/** Adds a letter and rolls back. @throws the error of the table when it does not take the letter */
export async function rehearse(database: Pick<Database, "copyIn">, row: LetterRow): Promise<void> {
  try {
    await database.copyIn(`${copyStatement};\n${undoStatement}`, ...copiedLetter(row));
  } catch (error) {
    if (sqlStateOf(error) !== undoneState || !String((error as Error).message).includes(undone)) throw error;
  }
}

/** Returns a letter with the same values and new ids. */
export function likeness(row: LetterRow): LetterRow {
  const id = idOf(row);
  return { ...row, values: valuesOf(row, { letter_key: id, message_id: id }) };
}

/** Returns a minimal letter, with only the times of the given one. */
export function plainLetter(row: LetterRow): LetterRow {
  const id = idOf(row);
  const own = { letter_key: id, message_id: id, attempts: "1", replays: "0", by_broker: "false", cause_group: text };
  const said = { reason: "processing-failed", cause: text, detail: text };
  const none = { event_id: null, player_id: null, type: null, sent_id: null, subscriber_id: null };
  const values = valuesOf(row, { ...own, ...said, ...none, exchange: "", routing_key: "" });
  return { ...row, values, properties: nothing, body: nothing, bytes: 0 };
}

function valuesOf({ values }: LetterRow, changes: Partial<Record<Column, string | null>>): (string | null)[] {
  return values.map((value, n) => {
    const [name] = writtenColumns[n]!;
    const changed = changes[name];
    return changed === undefined ? value : changed;
  });
}

/** Derives the probe's id from the letter's key, so that concurrent keepers use different ids. */
function idOf({ values: [key] }: LetterRow): string {
  return createHash("sha256").update(`probe ${key}`).digest("hex").slice(0, 32);
}
