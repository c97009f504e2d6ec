/** Groups of dead letters that an operator has taken: they raise no alarm in the headline until they grow. */
import type { Database } from "../../shared/postgres/pool.ts";

export interface LetterCounts {
  readonly dead: number;
  /** Dead letters that no operator has taken. */
  readonly untended: number;
}

const longestNote = 400;

export class Takes {
  constructor(private readonly database: Pick<Database, "query">) {}

  async count(): Promise<LetterCounts> {
    const [row] = await this.database.query(
      `select count(*), count(*) filter (where last is null or id > last)
       from dead_letters left join dead_letter_takes using (cause_group) where status = 'dead'`,
      [],
    );
    return { dead: Number(row![0]), untended: Number(row![1]) };
  }

  /**
   * Takes the group's current letters, also when another operator had taken the group.
   * @returns the number of letters; 0 when the group has no dead letters
   */
  async take(group: string, by: string, note: string): Promise<number> {
    const [row] = await this.database.query(
      `with found as (
         select count(*) as letters, max(id) as last from dead_letters where status = 'dead' and cause_group = $1
       ), taken as (
         insert into dead_letter_takes (cause_group, last, taken_by, note)
         select $1, last, $2, $3 from found where letters > 0
         on conflict (cause_group) do update
         set last = excluded.last, taken_by = excluded.taken_by, note = excluded.note, taken_at = now()
       )
       select letters from found`,
      [group.replaceAll("\0", ""), by, note.slice(0, longestNote).replaceAll("\0", "").toWellFormed()],
    );
    return Number(row![0]);
  }

  /** Gives the group back. @returns whether an operator had taken it */
  async leave(group: string): Promise<boolean> {
    const rows = await this.database.query(
      "delete from dead_letter_takes where cause_group = $1 returning cause_group",
      [group.replaceAll("\0", "")],
    );
    return rows.length > 0;
  }
}
