/** Letters by which a keeper finds out whether the table takes any. None of them stays there. */
import { createHash } from "node:crypto";
import type { Database } from "../../shared/postgres/pool.ts";
import { sqlStateOf } from "../../shared/runtime/errors.ts";
import { copiedLetter, copyStatement } from "./copied_letter.ts";
import { type LetterRow, writtenColumns } from "./letter_row.ts";

type Column = typeof writtenColumns[number][0];

const text = "whether the table takes a letter";
const nothing = new Uint8Array();
/** Not a number: SQLSTATE invalid_text_representation, by which the transaction ends when nothing else has gone wrong. */
const [undone, undoneState] = ["casino: the letter is undone", "22P02"];
/** What is deferred to the commit is checked before. */
const undoStatement = `set constraints all immediate;\nselect cast('${undone} ' || now() as int)`;

/** Adds a letter and undoes that. @throws why the table does not take it */
export async function rehearse(database: Pick<Database, "copyIn">, row: LetterRow): Promise<void> {
  try {
    await database.copyIn(`${copyStatement};\n${undoStatement}`, ...copiedLetter(row));
  } catch (error) {
    if (sqlStateOf(error) !== undoneState || !String((error as Error).message).includes(undone)) throw error;
  }
}

/** A letter with the same values, under ids of its own. */
export function likeness(row: LetterRow): LetterRow {
  const id = idOf(row);
  return { ...row, values: valuesOf(row, { letter_key: id, message_id: id }) };
}

/** A letter of few words, with nothing of the other but its times. */
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

/** Keepers that ask at the same time ask by different letters. */
function idOf({ values: [key] }: LetterRow): string {
  return createHash("sha256").update(`probe ${key}`).digest("hex").slice(0, 32);
}
