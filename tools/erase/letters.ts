/**
 * Finds and erases a player's e-mail in dead letters and their edits. It may be in a letter's detail, which quotes
 * Postgres, and in the publisher's message. An event itself has no field for it.
 */
import { Buffer } from "node:buffer";
import type { Session } from "../../shared/postgres/session.ts";
import { lockTimeout } from "./events.ts";

/** A column that may contain an e-mail, and the columns that identify its row. */
interface Place {
  readonly table: string;
  readonly id: string;
  readonly key: readonly string[];
  readonly texts: readonly string[];
  readonly bytes: readonly string[];
}

const places: readonly Place[] = [
  { table: "dead_letters", id: "id", key: ["id"], texts: ["detail", "cause"], bytes: ["properties", "body"] },
  { table: "dead_letter_edits", id: "letter", key: ["letter", "number"], texts: [], bytes: ["body"] },
];

/** Letters per query, and letters per transaction: a body may have megabytes. */
const [lettersAtOnce, rowsAtOnce] = [1_000, 10];
/** A shorter text occurs in letters by chance. */
const shortest = 5;
const erased = "(erased)";

/** Returns the e-mails that are searched for. */
export function soughtOf(emails: Iterable<string>): string[] {
  return [...emails].filter((email) => email.length >= shortest && !isReplacement(email)).sort((a, b) =>
    b.length - a.length
  );
}

/** A search for the replacement would find it again on every run. */
function isReplacement(email: string): boolean {
  return erased.includes(email) || /^\*+$/.test(email);
}

/** @returns the number of letters and edits that contain one of the e-mails */
export async function countLetters(sql: Session, emails: readonly string[]): Promise<number> {
  let count = 0;
  await eachRange(sql, emails, async (place, first) => {
    const [row] = await sql.query<{ rows: number }>(
      `select count(*)::int as rows from ${place.table} where ${conditionOf(place)}`,
      parametersOf(first, emails),
    );
    count += row!.rows;
  });
  return count;
}

/** Erases the e-mails. @param onErased called with each transaction's letters and edits */
export async function eraseLetters(
  sql: Session,
  emails: readonly string[],
  onErased: (count: number) => void,
  stop: AbortSignal,
): Promise<void> {
  await eachRange(sql, emails, async (place, first) => {
    let count = rowsAtOnce;
    while (count === rowsAtOnce && !stop.aborted) {
      count = await eraseSome(sql, place, first, emails);
      onErased(count);
    }
  });
}

async function eachRange(
  sql: Session,
  emails: readonly string[],
  act: (place: Place, first: bigint) => Promise<void>,
): Promise<void> {
  if (emails.length === 0) return;
  for (const place of places) {
    const { last } = await sql.one<{ last: string | null }>(`select max(${place.id}) as last from ${place.table}`);
    for (let first = 0n; first <= BigInt(last ?? -1); first += BigInt(lettersAtOnce)) await act(place, first);
  }
}

async function eraseSome(sql: Session, place: Place, first: bigint, emails: readonly string[]): Promise<number> {
  const { table, key, texts, bytes } = place;
  const read = [...key, ...texts, ...bytes.map((column) => `encode(${column}, 'hex')`)];
  return await sql.transaction(async (ask) => {
    await ask(lockTimeout);
    const rows = await ask(
      `select ${read.join(", ")} from ${table} where ${conditionOf(place)} limit ${rowsAtOnce} for update`,
      parametersOf(first, emails),
    );
    const cast = [...texts.map(() => ""), ...bytes.map(() => "::bytea")];
    const columns = [...texts, ...bytes];
    const set = columns.map((column, n) => `${column} = $${key.length + n + 1}${cast[n]}`);
    const where = key.map((column, n) => `${column} = $${n + 1}::bigint`);
    for (const row of rows) {
      const keys = row.slice(0, key.length).map(String);
      const values = row.slice(key.length) as string[];
      await ask(`update ${table} set ${set.join(", ")} where ${where.join(" and ")}`, [
        ...keys,
        ...values.slice(0, texts.length).map((text) => withoutText(text, emails)),
        ...values.slice(texts.length).map((hex) =>
          `\\x${withoutBytes(Buffer.from(hex, "hex"), emails).toString("hex")}`
        ),
      ]);
    }
    return rows.length;
  });
}

function conditionOf({ id, texts, bytes }: Place): string {
  const found = [
    ...texts.map((column) => `position(email in ${column}) > 0`),
    ...bytes.map((column) => `position(convert_to(email, 'UTF8') in ${column}) > 0`),
  ];
  return `${id} >= $1::bigint and ${id} < $1::bigint + ${lettersAtOnce}
    and exists (select from unnest($2::text[]) as email where ${found.join(" or ")})`;
}

function parametersOf(first: bigint, emails: readonly string[]) {
  return [String(first), emails] as const;
}

function withoutText(text: string, emails: readonly string[]): string {
  return emails.reduce((left, email) => left.replaceAll(email, erased), text);
}

/**
 * Overwrites the e-mails without changing the length: AMQP's headers and protobuf store each text's length, and stay
 * readable.
 */
function withoutBytes(bytes: Buffer, emails: readonly string[]): Buffer {
  for (const email of emails) {
    const sought = Buffer.from(email);
    for (let at = bytes.indexOf(sought); at >= 0; at = bytes.indexOf(sought, at)) {
      bytes.fill("*", at, at + sought.length);
    }
  }
  return bytes;
}
