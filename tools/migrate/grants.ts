/** What the roles of tools/roles/postgres.ts may do with the tables. Granted after every migration, for who has the roles. */
import type { Sql } from "../../shared/postgres.ts";

type Privilege = "select" | "insert" | "update" | "delete";

export const grants: Readonly<Record<string, Readonly<Record<string, readonly Privilege[]>>>> = {
  casino_subscriber: {
    players: ["select"],
    events: ["select", "insert"],
    player_totals: ["select", "insert", "update"],
    event_counts: ["select", "insert", "update", "delete"],
    player_leaders: ["select", "insert", "update", "delete"],
  },
  casino_reader: {
    players: ["select"],
    events: ["select"],
    player_totals: ["select"],
    event_counts: ["select"],
    player_leaders: ["select"],
    nessie_migrations: ["select"],
  },
};

/**
 * Grants what is missing, and takes back what a role has beyond it. Tables that are not there are passed over.
 * @returns the roles that there are
 */
export async function grantRoles(sql: Sql): Promise<string[]> {
  const rows = await sql`select rolname from pg_roles where rolname in ${sql(Object.keys(grants))} order by rolname`;
  const roles = rows.map((row) => String(row["rolname"]));
  for (const role of roles) {
    for (const [table, privileges] of Object.entries(grants[role]!)) {
      const [found] = await sql`select to_regclass(${table}) as name`;
      if (found?.["name"] === null) continue;
      await sql.begin(async (transaction) => {
        await transaction.unsafe(`revoke all on ${table} from ${role}`);
        await transaction.unsafe(`grant ${privileges.join(", ")} on ${table} to ${role}`);
      });
    }
  }
  return roles;
}
