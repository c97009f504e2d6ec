/** Leases for work that one subscriber does for all of them. Postgres keeps the owner and the end, by its own clock. */
import type { Database } from "../../shared/postgres/pool.ts";

/** After a subscriber dies, another takes its lease after this time. */
const leaseMs = 10_000;

export interface Lease {
  /** Takes or renews the lease. @returns whether this subscriber holds it */
  hold(): Promise<boolean>;
  /** Ends the lease, so that another subscriber can take it at once. */
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
