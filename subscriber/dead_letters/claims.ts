/**
 * Claims: a claimed letter belongs to one replay, and no other replay, edit or drop touches it. Edits are refused as
 * long as it is unknown whether the letter was published.
 */
import type { Database } from "../../shared/postgres/pool.ts";
import type { Filter } from "../../shared/rabbitmq/dead/admin.ts";
import { Conditions } from "./letter_query.ts";
import { mostBodyRead, pageBytes } from "./letter_row.ts";

/** The claim of a killed replay expires after this time. */
const claimSeconds = 30;
export const notClaimed = "(claim is null or claimed_until < now())";

export interface NextOptions {
  readonly filter: Filter;
  readonly limit: number;
  readonly after: bigint;
  readonly last: bigint;
  readonly job: string;
}

export interface Claimed {
  readonly ids: readonly bigint[];
  /** Whether matching letters are left, claimed or not. */
  readonly left: boolean;
}

export class LetterClaims {
  constructor(private readonly database: Pick<Database, "query">) {}

  /**
   * Claims letters for one replay: no other replay, edit or drop touches them.
   * @returns the ids of the claimed letters
   */
  async claim(ids: readonly bigint[], claim: string): Promise<readonly bigint[]> {
    const rows = await this.database.query(
      `update dead_letters set claim = $1::uuid, claimed_until = now() + interval '${claimSeconds} s'
       where id = any($2::bigint[]) and status = 'dead' and ${notClaimed} returning id`,
      [claim, `{${ids.join(",")}}`],
    );
    return rows.map(([id]) => BigInt(id!));
  }

  /**
   * Claims the oldest matching dead letters after `after`. Stops before a letter that another replay has claimed: if
   * that replay gives the letter up, this job must not have skipped it. Reclaims letters that a dead subscriber had
   * claimed for the same job.
   */
  async claimNext({ filter, after, last, limit, job }: NextOptions, claim: string): Promise<Claimed> {
    const where = new Conditions(filter, "dead").add((id) => `id > ${id}::bigint`, String(after))
      .add((id) => `id <= ${id}::bigint`, String(last));
    const first = where.parameters.length;
    const [$limit, $claim, $job] = [1, 2, 3].map((n) => `$${first + n}`);
    const free = `(${notClaimed} or job is not distinct from ${$job}::uuid)`;
    const [row] = await this.database.query(
      `with candidates as (
         select id, not ${free} as taken, sum(size) over (order by id) - size as bytes
         from (
           select *, octet_length(properties) + least(octet_length(body), ${mostBodyRead}) as size
           from dead_letters where ${where} order by id limit ${$limit}::bigint
         ) as next
       ), mine as (
         select id from candidates where bytes < ${pageBytes}
           and id < coalesce((select min(id) from candidates where taken), 9223372036854775807)
       ), claimed as (
         update dead_letters
         set claim = ${$claim}::uuid, claimed_until = now() + interval '${claimSeconds} s', job = ${$job}::uuid
         where id in (select id from mine) and status = 'dead' and ${free} returning id
       )
       select (select string_agg(id::text, ',' order by id) from claimed), (select count(*) from candidates)`,
      [...where.parameters, String(limit), claim, job],
    );
    return { ids: row![0]?.split(",").map(BigInt) ?? [], left: Number(row![1]) > 0 };
  }

  /** Marks published letters. */
  async markReplayed(ids: readonly bigint[], claim: string, by: string): Promise<void> {
    await this.database.query(
      `update dead_letters set status = 'replayed', acted_by = $1, acted_at = now(), claim = null, claimed_until = null
       where id = any($2::bigint[]) and claim = $3::uuid and status = 'dead'`,
      [by, `{${ids.join(",")}}`, claim],
    );
  }

  /**
   * Ends the claim. The letters stay dead.
   * @param published `maybe` keeps edits refused: the next replay must publish the same bodies
   */
  async unclaim(ids: readonly bigint[], claim: string, published: "no" | "maybe"): Promise<void> {
    await this.database.query(
      `update dead_letters set ${published === "no" ? "claim = null, claimed_until = null" : "claimed_until = now()"}
       where id = any($1::bigint[]) and claim = $2::uuid`,
      [`{${ids.join(",")}}`, claim],
    );
  }
}
