/**
 * Privileges of the roles of tools/roles/roles.ts. Every migration run ends by granting them to the roles that exist.
 */
import type { Session } from "../../shared/postgres/session.ts";

/** `insert` and `update` may list columns: the columns that identify a row's owner stay read-only. */
type Privilege = "select" | "insert" | `insert (${string})` | `update (${string})` | "delete";

const sums = "update (bets, wins, deposits_eur)";
const takes = "update (last, taken_at, taken_by, note)";
const works =
  "update (state, rate, owner, lease_until, finished_at, reached, done, refused, failed, done_before, died_before, problem)";
const acts = "update (status, acted_at, acted_by, claim, claimed_until, edits, job)";
const resolves = "update (status, acted_at, acted_by, claim, claimed_until, edits, job, stored_at, stored_by)";
/** A role may begin an act and end it. Row security forbids the rest (the migration create_acts). */
const recorded = [
  "select",
  "insert (who, act, filter, peer, via)",
  "update (ended_at, state, affected, result)",
] as const;

export const grants: Readonly<Record<string, Readonly<Record<string, readonly Privilege[]>>>> = {
  casino_subscriber: {
    players: ["select"],
    events: ["select", "insert"],
    player_totals: ["select", "insert", sums],
    event_counts: ["select", "insert", "update (events)", "delete"],
    player_leaders: ["select", "insert", sums, "delete"],
    batch_totals: ["select", "insert", "delete"],
    event_counts_now: ["select"],
    acts: recorded,
    dead_letters: ["select", "insert", resolves],
    dead_letter_edits: ["select", "insert"],
    dead_letter_leases: ["select", "insert", "update (owner, until)"],
    dead_letter_takes: ["select", "insert", takes, "delete"],
    jobs: ["select", "insert", works],
    history: ["select", "insert", "update (dead, duplicates, arrived, latencies)"],
  },
  casino_dead_letters: {
    events: ["select"],
    dead_letters: ["select", acts],
    dead_letter_edits: ["select", "insert"],
    dead_letter_takes: ["select", "insert", takes, "delete"],
    jobs: ["select", "insert", works],
    player_totals: ["select"],
    event_counts: ["select"],
    player_leaders: ["select"],
    batch_totals: ["select"],
    event_counts_now: ["select"],
    acts: recorded,
  },
  casino_reader: {
    players: ["select"],
    events: ["select"],
    player_totals: ["select"],
    event_counts: ["select"],
    player_leaders: ["select"],
    batch_totals: ["select"],
    event_counts_now: ["select"],
    player_totals_now: ["select"],
    acts: ["select"],
    dead_letters: ["select"],
    dead_letter_edits: ["select"],
    dead_letter_leases: ["select"],
    dead_letter_takes: ["select"],
    jobs: ["select"],
    history: ["select"],
    nessie_migrations: ["select"],
  },
};

/** Functions that run with the owner's rights, and the roles that may call them; no other role may. */
export const calls: Readonly<Record<string, readonly string[]>> = {
  casino_subscriber: [
    "remove_old_letters(integer, integer)",
    "remove_old_jobs(integer, integer)",
    "compact_history()",
    "make_event_partitions(integer)",
  ],
};

/**
 * Grants missing privileges, and revokes those beyond the list. Skips tables that do not exist.
 * @returns the roles that exist
 */
export async function grantRoles(sql: Session): Promise<string[]> {
  const rows = await sql.query<{ rolname: string }>(
    "select rolname from pg_roles where rolname = any($1) order by rolname",
    [Object.keys(grants)],
  );
  const roles = rows.map(({ rolname }) => rolname);
  for (const role of roles) {
    for (const [table, privileges] of Object.entries(grants[role]!)) {
      const { found } = await sql.one("select to_regclass($1) as found", [table]);
      if (found === null) continue;
      await sql.query(
        `revoke all on ${table} from ${role}; grant ${privileges.join(", ")} on ${table} to ${role}`,
      );
    }
    for (const name of calls[role] ?? []) {
      const { found } = await sql.one("select to_regprocedure($1) as found", [name]);
      if (found !== null) await sql.query(`grant execute on function ${name} to ${role}`);
    }
  }
  return roles;
}
