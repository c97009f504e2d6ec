/** What one subscriber does for all of them: which one, and until when by the clock of Postgres. */
import type { Database } from "../../shared/postgres/pool.ts";

/** A subscriber that dies is followed by another after this. */
const leaseMs = 10_000;

export interface Lease {
  /** Takes it, or keeps it. @returns whether it is this subscriber's now */
  hold(): Promise<boolean>;
  /** Lets another have it at once. */
  release(): Promise<void>;
}

export function leaseOf(database: Pick<Database, "query">, name: string, owner: string): Lease {
  return {
    async hold() {
      const rows = await database.query(
        `insert into dead_letter_leases as leases (name, owner, until)
         values ($1, $2, now() + $3::int * interval '1 ms')
         on conflict (name) do update set owner = excluded.owner, until = excluded.until
         where leases.owner = excluded.owner or leases.until < now()
         returning name`,
        [name, owner, String(leaseMs)],
      );
      return rows.length > 0;
    },
    async release() {
      await database.query("update dead_letter_leases set until = now() where name = $1 and owner = $2", [name, owner]);
    },
  };
}
