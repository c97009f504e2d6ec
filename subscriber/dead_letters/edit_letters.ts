/** Stores edits beside their letters, in the table `dead_letter_edits`. */
import type { Change } from "../../shared/event/change.ts";
import type { Event } from "../../shared/event/event.ts";
import { decodeEvent, encodeEvent } from "../../shared/event/protobuf.ts";
import { arrayLiteral } from "../../shared/postgres/copy_rows.ts";
import type { Database } from "../../shared/postgres/pool.ts";
import type { NumberedEdit } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { claimedProblem, editOf, type EditOutcome } from "../../shared/rabbitmq/dead/edit.ts";
import { isoTime, type KeptLetter } from "./letter_row.ts";

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, n) => byte === other[n]);
}

interface Edit {
  readonly letter: KeptLetter;
  readonly event: Event;
}

/** Edits the letters that the change fits. @returns the outcome of each letter, in their order */
export async function editLetters(
  database: Pick<Database, "query">,
  letters: readonly KeptLetter[],
  change: Change,
  by: string,
): Promise<EditOutcome[]> {
  const edits = letters.map((letter) => ({ letter, ...editOf(letter, change) }));
  // A job that was cut off reaches a letter twice.
  const isSo = ({ edit }: KeptLetter, event: Event) => edit !== undefined && equal(edit.body, encodeEvent(event));
  const fitting = edits.flatMap(({ letter, event }) => event && !isSo(letter, event) ? [{ letter, event }] : []);
  const kept: ReadonlySet<bigint> = fitting.length > 0 ? await keep(database, fitting, by) : new Set();
  return edits.map(({ letter, event, outcome }) =>
    event && !kept.has(letter.id) && !isSo(letter, event)
      ? {
        ...outcome,
        after: undefined,
        problem: `the letter was edited, replayed or dropped meanwhile, or ${claimedProblem}`,
      }
      : outcome
  );
}

/**
 * Stores edits of letters that have not changed since they were read: dead, unclaimed, and without a newer edit. One
 * statement stores the edit and counts it, so that a replay either publishes the edit or prevents it.
 * @returns the ids of the edited letters
 */
async function keep(
  database: Pick<Database, "query">,
  edits: readonly Edit[],
  by: string,
): Promise<ReadonlySet<bigint>> {
  const column = (values: (edit: Edit) => string) => arrayLiteral(edits.map(values));
  const rows = await database.query(
    `with given as (
       select * from unnest($1::bigint[], $2::integer[], $3::bigint[], $4::bigint[], $5::bytea[])
         as given(id, seen, event_id, player_id, body)
     ), edited as (
       update dead_letters as letters set edits = letters.edits + 1
       from given where letters.id = given.id and letters.edits = given.seen
         and letters.status = 'dead' and letters.claim is null
       returning letters.id, letters.edits
     )
     insert into dead_letter_edits (letter, number, edited_by, event_id, player_id, body)
     select id, edited.edits, $6, given.event_id, given.player_id, given.body from edited join given using (id)
     returning letter`,
    [
      column(({ letter }) => String(letter.id)),
      column(({ letter }) => String(letter.fate.edits)),
      column(({ event }) => String(event.id)),
      column(({ event }) => String(event.playerId)),
      column(({ event }) => `\\x${encodeEvent(event).toHex()}`),
      by,
    ],
  );
  return new Set(rows.map(([id]) => BigInt(id!)));
}

/** Returns the edits of these letters, oldest first; of more than `limit`, the newest. */
export async function readEdits(
  database: Pick<Database, "query">,
  letters: readonly bigint[],
  limit: number,
): Promise<{ readonly edits: readonly NumberedEdit[]; readonly more: boolean }> {
  const rows = await database.query(
    `select letter, encode(body, 'hex'), edited_by, ${isoTime("edited_at")} from dead_letter_edits
     where letter = any($1::bigint[]) order by letter desc, number desc limit $2::bigint`,
    [`{${letters.join(",")}}`, String(limit + 1)],
  );
  const edits = rows.slice(0, limit).reverse().map(([letter, hex, by, at]) => {
    const body = Uint8Array.fromHex(hex!);
    // Only edits with a valid event are stored.
    return { letter: BigInt(letter!), body, event: decodeEvent(body) as Event, by: by!, at: at! };
  });
  return { edits, more: rows.length > limit };
}
