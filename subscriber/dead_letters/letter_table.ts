/** The table `dead_letters`. Keepers add letters; operators read them and act on them. */
import type { CauseGroup, Filter } from "../../shared/rabbitmq/dead/admin.ts";
import type { Status } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { byteaArray } from "../../shared/postgres/bytea_array.ts";
import { arrayLiteral } from "../../shared/postgres/copy_rows.ts";
import type { Database } from "../../shared/postgres/pool.ts";
import { copiedLetter, copyStatement } from "./copied_letter.ts";
import { notClaimed } from "./claims.ts";
import { readGroups } from "./groups.ts";
import { rehearse } from "./probe_letters.ts";
import { Conditions } from "./letter_query.ts";
import {
  type KeptLetter,
  letterOfRow,
  type LetterRow,
  mostBodyRead,
  pageBytes,
  readColumns,
  writtenColumns,
} from "./letter_row.ts";

const names = writtenColumns.map(([name]) => name).join(", ");
const arrays = writtenColumns.map(([, type], n) => `$${n + 1}::${type}[]`).join(", ");
/** The ids ascend in the order of the rows. */
const keepStatement = `
  insert into dead_letters (${names}, previous)
  select ${names}, case when replays > 0 then (
    select max(id) from dead_letters as earlier
    where earlier.message_id = letters.message_id and earlier.replays = letters.replays - 1
  ) end
  from unnest(${arrays}) with ordinality as letters(${names}, place) order by place
  on conflict (letter_key) do nothing`;

export interface PageOptions {
  readonly filter: Filter;
  readonly limit: number;
  readonly order: "oldest" | "newest";
  /** The page begins behind this letter, in the same order. */
  readonly after?: bigint | undefined;
  /** The page contains no letter added after this one. */
  readonly last?: bigint | undefined;
  /** Bytes of each body to read, from its beginning. {@linkcode LetterTable.whole} reads the rest. */
  readonly mostBodyBytes?: number | undefined;
}

export interface Page {
  readonly letters: readonly KeptLetter[];
  /** Whether more letters match behind these. */
  readonly more: boolean;
}

/** An act on letters. */
export interface Act {
  readonly status: "replayed" | "dropped";
  /** The operator. */
  readonly by: string;
}

/** The marked letters, in any order. */
export interface Turned {
  readonly messageIds: readonly string[];
  /** Whether more letters may match behind these. */
  readonly more: boolean;
}

/** Bytes of a body that are read at once. Larger parts leave more garbage beside the body. */
const partBytes = 256 * 1024;
/** A larger letter that comes alone is stored without a copy in memory. */
const largeBytes = 1024 * 1024;
/** Maximum number of letters in one statement: it bounds how long other statements wait for their locks. */
const actedAtOnce = 5_000;

export class LetterTable {
  constructor(private readonly database: Pick<Database, "copyIn" | "query">) {}

  /** Checks that the table exists. @throws when it does not, or when the query fails */
  async check(): Promise<void> {
    await this.database.query(`select ${names}, previous, claim from dead_letters limit 0`, []);
  }

  /** Adds letters in this order, all or none. Skips letters that are already in the table. */
  async keep(rows: readonly LetterRow[]): Promise<void> {
    const [row] = rows;
    if (row && rows.length === 1 && row.bytes > largeBytes) return await this.#keepLarge(row);
    const texts = writtenColumns.slice(0, -2).map((_, n) => arrayLiteral(rows.map(({ values }) => values[n] ?? null)));
    const properties = byteaArray(rows.map(({ properties }) => properties));
    await this.database.query(keepStatement, [...texts, properties, byteaArray(rows.map(({ body }) => body))]);
  }

  /** Adds a letter and rolls back. @throws the error of the table when it does not take the letter */
  async rehearse(row: LetterRow): Promise<void> {
    await rehearse(this.database, row);
  }

  async #keepLarge(row: LetterRow): Promise<void> {
    try {
      await this.database.copyIn(copyStatement, ...copiedLetter(row, await this.#previousOf(row)));
    } catch (error) {
      // COPY has no ON CONFLICT: the letter is already in the table.
      if ((error as { constraint?: unknown }).constraint !== "dead_letters_letter_key_key") throw error;
    }
  }

  async #previousOf({ letter, values }: LetterRow): Promise<bigint | undefined> {
    const replays = BigInt(values[writtenColumns.findIndex(([name]) => name === "replays")]!);
    if (replays === 0n) return undefined;
    const [row] = await this.database.query(
      "select max(id) from dead_letters where message_id = $1::uuid and replays = $2::bigint",
      [letter.messageId, String(replays - 1n)],
    );
    return row?.[0] == null ? undefined : BigInt(row[0]);
  }

  /** Returns the number of dead letters. */
  async count(): Promise<number> {
    const [row] = await this.database.query("select count(*) from dead_letters where status = 'dead'", []);
    return Number(row?.[0]);
  }

  async countByReason(): Promise<ReadonlyMap<string, number>> {
    const statement = "select reason, count(*) from dead_letters where status = 'dead' group by reason";
    return new Map((await this.database.query(statement, [])).map(([reason, count]) => [reason!, Number(count)]));
  }

  /** Returns the id of the newest letter; 0 when there is none. */
  async lastId(): Promise<bigint> {
    const [row] = await this.database.query("select coalesce(max(id), 0) from dead_letters", []);
    return BigInt(row?.[0] ?? 0);
  }

  /** Returns a page of letters: fewer than `limit` when their bodies or headers are large. */
  async page(options: PageOptions): Promise<Page> {
    const { filter, limit, order, after, last, mostBodyBytes = mostBodyRead } = options;
    const where = new Conditions(filter);
    const [isBehind, direction] = order === "oldest" ? [">", "asc"] as const : ["<", "desc"] as const;
    if (after !== undefined) where.add((id) => `id ${isBehind} ${id}::bigint`, String(after));
    if (last !== undefined) where.add((id) => `id <= ${id}::bigint`, String(last));
    const most = where.parameters.push(String(limit + 1), String(mostBodyBytes));
    const found = await this.database.query(
      `select id, octet_length(properties) + least(octet_length(body), $${most}::int) from dead_letters
       where ${where} order by id ${direction} limit $${most - 1}::bigint`,
      where.parameters,
    );
    const within = found.slice(0, limit);
    let bytes = 0;
    const over = within.findIndex(([, size], n) => (bytes += Number(size)) > pageBytes && n > 0);
    const ids = within.slice(0, over < 0 ? limit : over).map(([id]) => BigInt(id!));
    const letters = await this.read(ids, direction, mostBodyBytes);
    return { letters, more: found.length > ids.length };
  }

  async read(
    ids: readonly bigint[],
    direction: "asc" | "desc" = "asc",
    mostBodyBytes = mostBodyRead,
  ): Promise<readonly KeptLetter[]> {
    const rows = await this.database.query(
      `select ${readColumns(mostBodyBytes)} from dead_letters
       where id = any($1::bigint[]) order by dead_letters.id ${direction}`,
      [`{${ids.join(",")}}`],
    );
    return rows.map(letterOfRow);
  }

  /**
   * Returns the letter with its whole body. Reads it in parts, because the client copies what it reads several times.
   */
  async whole(letter: KeptLetter): Promise<KeptLetter> {
    const body = Buffer.alloc(letter.bodyBytes);
    for (let at = 0; at < body.length; at += partBytes) {
      const [row] = await this.database.query(
        `select encode(substring(body from $2::int for ${partBytes}), 'base64') from dead_letters where id = $1::bigint`,
        [String(letter.id), String(at + 1)],
      );
      if (!row) throw new Error(`The dead letter ${letter.messageId} is no longer in the table`);
      body.write(row[0]!, at, "base64");
    }
    return { ...letter, body };
  }

  /** Returns at most 1,000 groups, the largest first. */
  groups(filter: Filter): Promise<CauseGroup[]> {
    return readGroups(this.database, filter);
  }

  /** Marks dead letters without a claim. @returns the ids of the marked letters */
  async mark(ids: readonly bigint[], { status, by }: Act): Promise<ReadonlySet<bigint>> {
    const rows = await this.database.query(
      `update dead_letters set status = $1, acted_by = $2, acted_at = now()
       where id = any($3::bigint[]) and status = 'dead' and ${notClaimed} returning id`,
      [status, by, `{${ids.join(",")}}`],
    );
    return new Set(rows.map(([id]) => BigInt(id!)));
  }

  /**
   * Drops the oldest matching letters, 5,000 at most.
   * @param last id of the last letter to drop
   */
  async drop(filter: Filter, last: bigint, by: string): Promise<Turned> {
    return await this.#turn(["dead", "dropped"], filter, last, by);
  }

  /** Undoes {@linkcode drop}: dropped letters are dead again. */
  async undo(filter: Filter, last: bigint, by: string): Promise<Turned> {
    return await this.#turn(["dropped", "dead"], filter, last, by);
  }

  async #turn([from, to]: readonly [Status, Status], filter: Filter, last: bigint, by: string): Promise<Turned> {
    const where = new Conditions(filter, from).add((id) => `id <= ${id}::bigint`, String(last));
    const actor = where.parameters.push(by);
    const rows = await this.database.query(
      `update dead_letters set status = '${to}', acted_by = $${actor}, acted_at = now()
       where status = '${from}' and ${notClaimed} and id in (
         select id from dead_letters where ${where} order by id limit ${actedAtOnce}
       ) returning message_id`,
      where.parameters,
    );
    return { messageIds: rows.map(([id]) => id!), more: rows.length === actedAtOnce };
  }
}
