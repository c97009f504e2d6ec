/** The table `dead_letters`: what keepers add to, and operators look at and act on. */
import type { CauseGroup, Filter } from "../../shared/rabbitmq/dead/admin.ts";
import { byteaArray } from "../../shared/postgres/bytea_array.ts";
import { arrayLiteral } from "../../shared/postgres/copy_rows.ts";
import type { Database } from "../../shared/postgres/pool.ts";
import { copiedLetter, copyStatement } from "./copied_letter.ts";
import { Conditions } from "./letter_query.ts";
import { type KeptLetter, letterOfRow, type LetterRow, readColumns, writtenColumns } from "./letter_row.ts";

const names = writtenColumns.map(([name]) => name).join(", ");
const arrays = writtenColumns.map(([, type], n) => `$${n + 1}::${type}[]`).join(", ");
/** Ids are given in the order of the rows. */
const keepStatement = `
  insert into dead_letters (${names})
  select ${names} from unnest(${arrays}) with ordinality as letters(${names}, place) order by place
  on conflict (letter_key) do nothing`;

export interface PageOptions {
  readonly filter: Filter;
  readonly limit: number;
  readonly order: "oldest" | "newest";
  /** Behind this letter, in the same order. */
  readonly after?: bigint | undefined;
  /** None that came later than this one. */
  readonly last?: bigint | undefined;
  /** Of each body no more is read, from its beginning; {@linkcode LetterTable.whole} reads the rest. */
  readonly mostBodyBytes?: number | undefined;
}

export interface Page {
  readonly letters: readonly KeptLetter[];
  /** Whether others match behind these. */
  readonly more: boolean;
}

/** What became of a letter. */
export interface Act {
  readonly status: "replayed" | "dropped";
  /** Who did it. */
  readonly by: string;
}

/** Bodies and headers have any size, a page of them is held in memory, and headers take many times their bytes there. */
const pageBytes = 2 * 1024 * 1024;
/** Any event's body is read whole. */
const mostBodyRead = 64 * 1024;
/** As much of a body at once. */
const partBytes = 1024 * 1024;
/** A letter that is kept alone, and without a copy of it. */
const largeBytes = 1024 * 1024;
/** As many at once: who waits for a lock on them waits for no more. */
const actedAtOnce = 5_000;

export class LetterTable {
  constructor(private readonly database: Pick<Database, "copyIn" | "query">) {}

  /** @throws when Postgres has no such table, or cannot be asked */
  async check(): Promise<void> {
    await this.database.query(`select ${names} from dead_letters limit 0`, []);
  }

  /** Adds letters in this order, all or none; those that are there already stay as they are. */
  async keep(rows: readonly LetterRow[]): Promise<void> {
    const [row] = rows;
    if (row && rows.length === 1 && row.bytes > largeBytes) return await this.#keepLarge(row);
    const texts = writtenColumns.slice(0, -2).map((_, n) => arrayLiteral(rows.map(({ values }) => values[n] ?? null)));
    const properties = byteaArray(rows.map(({ properties }) => properties));
    await this.database.query(keepStatement, [...texts, properties, byteaArray(rows.map(({ body }) => body))]);
  }

  async #keepLarge(row: LetterRow): Promise<void> {
    try {
      await this.database.copyIn(copyStatement, ...copiedLetter(row));
    } catch (error) {
      // COPY knows no ON CONFLICT: it is there already.
      if ((error as { constraint?: unknown }).constraint !== "dead_letters_letter_key_key") throw error;
    }
  }

  /** How many are dead. */
  async count(): Promise<number> {
    const [row] = await this.database.query("select count(*) from dead_letters where status = 'dead'", []);
    return Number(row?.[0]);
  }

  async countByReason(): Promise<ReadonlyMap<string, number>> {
    const statement = "select reason, count(*) from dead_letters where status = 'dead' group by reason";
    return new Map((await this.database.query(statement, [])).map(([reason, count]) => [reason!, Number(count)]));
  }

  /** The id of the letter that came last; 0 when there is none. */
  async lastId(): Promise<bigint> {
    const [row] = await this.database.query("select coalesce(max(id), 0) from dead_letters where status = 'dead'", []);
    return BigInt(row?.[0] ?? 0);
  }

  /** Fewer than asked for where their bodies or headers are large. */
  async page(options: PageOptions): Promise<Page> {
    const { filter, limit, order, after, last, mostBodyBytes = mostBodyRead } = options;
    const where = new Conditions(filter);
    const [isBehind, direction] = order === "oldest" ? [">", "asc"] : ["<", "desc"];
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
    const ids = within.slice(0, over < 0 ? limit : over).map(([id]) => id);
    const rows = await this.database.query(
      `select ${readColumns(mostBodyBytes)} from dead_letters
       where id = any($1::bigint[]) order by dead_letters.id ${direction}`,
      [`{${ids.join(",")}}`],
    );
    return { letters: rows.map(letterOfRow), more: found.length > ids.length };
  }

  /** With all of its body: a part at a time, for the client copies what it reads several times. */
  async whole(letter: KeptLetter): Promise<KeptLetter> {
    const body = Buffer.alloc(letter.bodyBytes);
    for (let at = 0; at < body.length; at += partBytes) {
      const [row] = await this.database.query(
        `select encode(substring(body from $2::int for ${partBytes}), 'base64') from dead_letters where id = $1::bigint`,
        [String(letter.id), String(at + 1)],
      );
      if (!row) throw new Error(`The dead letter ${letter.messageId} is no longer in the table`);
      body.set(Buffer.from(row[0]!, "base64"), at);
    }
    return { ...letter, body };
  }

  /** At most 1,000, those with most letters first. */
  async groups(filter: Filter): Promise<CauseGroup[]> {
    const where = new Conditions(filter);
    const rows = await this.database.query(
      `with found as (
         select cause_group, count(*) as letters, max(id) as newest,
           min(last_failed_at) as first_at, max(last_failed_at) as last_at
         from dead_letters where ${where} group by cause_group order by letters desc, newest desc limit 1000
       )
       select found.cause_group, reason, cause, letters, ${isoTime("first_at")}, ${
        isoTime("last_at")
      }, message_id, detail
       from found join dead_letters on id = newest order by letters desc, newest desc`,
      where.parameters,
    );
    return rows.map(([group, reason, cause, letters, firstAt, lastAt, messageId, detail]) => ({
      ...{ group: group!, reason: reason!, cause: cause!, letters: Number(letters) },
      ...{ firstAt: firstAt ?? undefined, lastAt: lastAt ?? undefined },
      sample: { messageId: messageId!, detail: detail! },
    }));
  }

  /** Marks letters, unless somebody else has done so. @returns those that were dead until now */
  async mark(ids: readonly bigint[], { status, by }: Act): Promise<ReadonlySet<bigint>> {
    const rows = await this.database.query(
      `update dead_letters set status = $1, acted_by = $2, acted_at = now()
       where id = any($3::bigint[]) and status = 'dead' returning id`,
      [status, by, `{${ids.join(",")}}`],
    );
    return new Set(rows.map(([id]) => BigInt(id!)));
  }

  /**
   * Marks the oldest of those that match, up to 5,000.
   * @param last none that came later
   * @returns how many; fewer than 5,000 when these were all
   */
  async drop(filter: Filter, last: bigint, by: string): Promise<{ dropped: number; more: boolean }> {
    const where = new Conditions(filter).add((id) => `id <= ${id}::bigint`, String(last));
    const actor = where.parameters.push(by);
    const rows = await this.database.query(
      `update dead_letters set status = 'dropped', acted_by = $${actor}, acted_at = now()
       where status = 'dead' and id in (
         select id from dead_letters where ${where} order by id limit ${actedAtOnce}
       ) returning id`,
      where.parameters,
    );
    return { dropped: rows.length, more: rows.length === actedAtOnce };
  }
}

/** RFC 3339. */
function isoTime(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}
