/** Makes our role and database in a Postgres that has neither, where we may. */
import { closePostgres, openPostgres } from "../../shared/postgres.ts";
import { messageOf } from "../../shared/errors.ts";
import { runToEnd } from "./process.ts";
import { ServiceError } from "./server.ts";

/** @throws {ServiceError} with what to run as a superuser, when we may not */
export async function createDatabase(url: URL): Promise<void> {
  const role = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  const database = decodeURIComponent(url.pathname.slice(1)) || role;
  const createRole = `create role ${identifier(role)} login password ${literal(password)}`;
  const alterRole = `alter role ${identifier(role)} login password ${literal(password)}`;
  const create = `create database ${identifier(database)} owner ${identifier(role)}`;
  const problems: string[] = [];
  for (const run of [overTcp, overSocket]) {
    try {
      const exists = async (query: string) => (await run(url, query)).trim() !== "";
      await run(url, await exists(`select 1 from pg_roles where rolname = ${literal(role)}`) ? alterRole : createRole);
      if (!await exists(`select 1 from pg_database where datname = ${literal(database)}`)) await run(url, create);
      return;
    } catch (error) {
      problems.push(messageOf(error).split("\n").at(-1) ?? "");
    }
  }
  throw new ServiceError(
    `Postgres at ${url.host} answers, but lacks the role ${role} or the database ${database}, and we may not make them ` +
      `(${problems.join("; ")}). Run this as a superuser, with the password of DATABASE_URL, then try again:\n\n` +
      `  create role ${identifier(role)} login password '…';\n  ${create};\n`,
  );
}

type Run = (url: URL, statement: string) => Promise<string>;

/** As `postgres` without a password: our own servers allow that from this machine. */
const overTcp: Run = async (url, statement) => {
  const admin = new URL(`postgres://postgres@${url.host}/postgres`);
  const sql = openPostgres(admin.href, { name: "casino-up" });
  try {
    return (await sql.unsafe(statement)).map((row) => Object.values(row).join()).join("\n");
  } finally {
    await closePostgres(sql);
  }
};

/** As root through the local socket, where the system's packages let the user `postgres` in. */
const overSocket: Run = async (url, statement) => {
  if (Deno.uid() !== 0) throw new Error("we are not root");
  const psql = ["-u", "postgres", "--", "psql", "-p", url.port, "-d", "postgres", "-tAqc", statement];
  return await runToEnd("runuser", psql, { cwd: "/" });
};

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
