/**
 * Postgres's roles. What they may do with the tables is in tools/migrate/grants.ts, and granted by `deno task migrate`.
 */
import { passwordVariable } from "./rabbitmq.ts";

export interface DatabaseRole {
  readonly role: string;
  readonly does: string;
}

export const databaseRoles: readonly DatabaseRole[] = [
  { role: "casino_migrator", does: "deno task migrate: owns the tables" },
  { role: "casino_subscriber", does: "deno task subscriber: stores events, and reads players" },
  { role: "casino_reader", does: "deno task status, and whoever asks for figures: reads" },
];

/**
 * SQL for psql, run by a superuser or by who may create roles and owns the database. Passwords come from the
 * environment.
 */
export function databaseScript(database: string, schema: string): string {
  const name = identifier(database);
  const within = identifier(schema);
  const roles = databaseRoles.map(({ role, does }) =>
    [
      `-- ${does}`,
      // Without it, a password that was forgotten would be that of the role before.
      "\\unset password",
      `\\getenv password ${passwordVariable(role)}`,
      `select 'create role ${role} login' where not exists (select from pg_roles where rolname = '${role}') \\gexec`,
      `alter role ${role} password :'password';`,
    ].join("\n")
  );
  const all = databaseRoles.map(({ role }) => role).join(", ");
  return [
    "\\set ON_ERROR_STOP on",
    "-- No password gets into the server's log.\nset log_statement = 'none';\nset log_min_duration_statement = -1;\n" +
    "set log_min_error_statement = 'panic';",
    ...roles,
    [
      `revoke all on database ${name} from public;`,
      `grant connect on database ${name} to ${all};`,
      `create schema if not exists ${within};`,
      `revoke all on schema ${within} from public;`,
      `grant usage on schema ${within} to ${all};`,
      `grant create on schema ${within} to casino_migrator;`,
    ].join("\n"),
  ].join("\n\n") + "\n";
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
