/** What Postgres must deny the roles of `deno task roles`. */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { Session } from "../../../shared/postgres/session.ts";
import { compact, findLeaders } from "../../../subscriber/store/compact.ts";
import { fold } from "../../../subscriber/store/fold.ts";
import { systemClock } from "../../../shared/runtime/clock.ts";
import { DatabasePool } from "../../../shared/postgres/pool.ts";
import { databaseRoles } from "../../../tools/roles/roles.ts";
import type { Role } from "../../harness/roles.ts";
import { withWeeks } from "../../servers/test_schema.ts";

const refused: Partial<Record<Role, readonly string[]>> = {
  subscriber: [
    "delete from events",
    "update events set amount = 0",
    "update events set player_email = null",
    "truncate events",
    "update players set email = ''",
    "insert into players (id, email) values (1, 'x')",
    "delete from player_totals",
    "update batch_totals set events = 0",
    "delete from dead_letters",
    "update dead_letters set body = ''",
    "update dead_letter_edits set body = ''",
    "delete from dead_letter_edits",
    "delete from jobs",
    "update jobs set created_by = 'another'",
    "select * from nessie_migrations",
    "create table mine (id int)",
    "create temporary table mine (id int)",
    "drop table events",
    "drop table events_before",
    "alter table events detach partition events_ahead",
    "select * from events_before",
    "select partition_events(now())",
    "update player_totals set player_id = 0",
    "update event_counts set subscriber_id = 'another'",
    "update event_counts set second = now()",
    "update player_leaders set subscriber_id = 'another'",
    "truncate player_totals",
    "delete from history",
    "update history set at = now()",
    "update history set stored = 0",
    "delete from acts",
    "truncate acts",
    "update acts set who = 'another'",
    "insert into acts (who, act, filter, peer, via, state) values ('me', 'drop', '{}', '', '', 'done')",
    "select lo_create(0)",
    "select lo_creat(-1)",
    "select lo_from_bytea(0, 'x')",
  ],
  reader: [
    "select lo_create(0)",
    "select remove_old_letters(1, 1)",
    "select make_event_partitions(7)",
    "select compact_history()",
    "insert into history (at, step_seconds, stored, dead, duplicates) values (now(), 60, 0, 0, 0)",
    "insert into players (id, email) values (1, 'x')",
    "update player_totals set bets = 0",
    "delete from event_counts",
    "delete from batch_totals",
    "update dead_letters set status = 'dropped'",
    "select * from events for update",
  ],
  "dead-letters": [
    "select * from history",
    "select compact_history()",
    "select * from players",
    "select * from events for update",
    "delete from events",
    "delete from dead_letters",
    "update dead_letters set body = ''",
    "insert into dead_letters (reason) values ('x')",
    "update dead_letters set stored_by = 'another'",
    "update dead_letter_edits set body = ''",
    "update jobs set created_by = 'another'",
    "select remove_old_letters(1, 1)",
    "select remove_old_jobs(1, 1)",
    "select lo_create(0)",
  ],
  migrator: ["create role another", "create database another", "alter role casino_reader password 'x'"],
};

/** @param urlOf returns the role's own URL */
export async function refuseStatements(urlOf: (role: Role) => string): Promise<void> {
  for (const [role, statements] of Object.entries(refused)) {
    await using sql = new Session(urlOf(role as Role), { name: "casino-test" });
    for (const statement of statements) {
      await rejects(sql.query(statement), { code: "42501" }, `${role}: ${statement}`);
    }
  }
  await using sql = new Session(urlOf("reader"), { name: "casino-test" });
  await sql.query("select count(*) from events");
  await using subscriber = new Session(urlOf("subscriber"), { name: "casino-test" });
  await subscriber.query("select remove_old_letters(1, 1), remove_old_jobs(1, 1), compact_history()");
  await subscriber.query("update history set dead = 0, duplicates = 0, arrived = 0, latencies = null");
  await using owner = new Session(urlOf("migrator"), { name: "casino-test" });
  await owner.query(withWeeks(1));
  const { ahead } = await subscriber.one("select make_event_partitions(7) > now() + interval '672 hours' as ahead");
  strictEqual(ahead, true);
  deepStrictEqual(await subscriber.query("update acts set state = 'failed' returning id"), [], "an act that has ended");
}

/** Runs what a subscriber does once a minute, where an error would only be logged at debug level. */
export async function letCompact(url: string): Promise<void> {
  const database = new DatabasePool(url, { name: "casino-test", max: 1, timeoutMs: 10_000, clock: systemClock });
  try {
    await compact(database);
    await findLeaders(database);
    strictEqual(await fold(database), true);
  } finally {
    await database.close();
  }
}

export async function refuseConnections(adminUrl: string, readerUrl: string): Promise<void> {
  await using admin = new Session(adminUrl, { name: "casino-test" });
  const rows = await admin.query("select rolname, rolconnlimit from pg_roles where rolname like 'casino\\_%'");
  deepStrictEqual(
    new Map(rows.map(({ rolname, rolconnlimit }) => [rolname, rolconnlimit])),
    new Map(databaseRoles.map(({ role, connections }) => [role, connections])),
  );
  const most = databaseRoles.find(({ role }) => role === "casino_reader")!.connections;
  const readers = Array.from({ length: most }, () => new Session(readerUrl, { name: "casino-test" }));
  try {
    for (const reader of readers) await reader.query("select 1");
    await using surplus = new Session(readerUrl, { name: "casino-test" });
    await rejects(surplus.query("select 1"), { code: "53300" });
  } finally {
    for (const reader of readers) await reader[Symbol.asyncDispose]();
  }
}
