/**
 * Waits until a started server accepts our login. Creates our role and database in a Postgres that lacks them, where
 * permitted; changes nothing that exists.
 */
import { join } from "node:path";
import { redact } from "../../shared/runtime/secrets.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { isLoopback } from "../../shared/runtime/hosts.ts";
import { Session } from "../../shared/postgres/session.ts";
import { foldersOf, nativeFolder } from "./folder.ts";
import { superuserFile } from "./native/postgres.ts";
import { identifier, quoted } from "../roles/roles.ts";
import { runProgram } from "../run_program.ts";
import { probe } from "./probe.ts";
import {
  type Bare,
  credentialsOf,
  delay,
  type ServerName,
  ServiceError,
  settingOf,
  titles,
  urlOf,
  type WayOptions,
} from "./server.ts";

/** Runs one statement as a superuser. @returns the rows' values, one per line; rejects without permission */
type Superuser = (statement: string) => Promise<string>;

/** @throws {ServiceError} with the command to run, when not permitted; or when the role exists, but its login fails */
export async function createDatabase(url: URL, project: string, { lacks, problem }: Bare): Promise<void> {
  const { role, database } = wantedOf(url);
  if (role === "") throw new ServiceError(`${settingOf.postgres} names no user, so we know of no role to make.`);
  const superuser = await findSuperuser(url, project);
  if (!superuser) {
    throw new ServiceError(
      `Postgres at ${url.host} answers, but does not let us in (${problem}), and we may not make the role and the ` +
        `database. Run this, then try again; or set ${settingOf.postgres}:\n\n  ${superuserLine(url)}\n`,
    );
  }
  const { createRole, create } = statementsFor(url);
  if (await superuser(`select 1 from pg_roles where rolname = ${literal(role)}`) === "") {
    await superuser(createRole);
  } else if (lacks === "login") {
    // Others may use this role, so its password stays.
    throw new ServiceError(
      `Postgres at ${url.host} has the role ${role}, but does not let us in (${problem}): ` +
        `set ${settingOf.postgres} to its password, or to another role.`,
    );
  }
  if (await superuser(`select 1 from pg_database where datname = ${literal(database)}`) === "") await superuser(create);
}

/** Returns a command for a superuser. It shows the password only when it is the documented default. */
export function superuserLine(url: URL): string {
  const { role, password } = wantedOf(url);
  const { createRole, create } = statementsFor(url, password === "casino" && role === "casino" ? password : "…");
  const where = isLoopback(url.hostname) ? "sudo -u postgres psql" : `psql -h ${url.hostname} -U postgres`;
  return `${where} -p ${url.port} ${[createRole, create].map((sql) => `-c ${quoted(sql)}`).join(" ")}`;
}

async function findSuperuser(url: URL, project: string): Promise<Superuser | undefined> {
  for (const candidate of [...await ourOwn(url, project), overTcp(url.host), ...overSocket(url)]) {
    try {
      if (await candidate("select rolsuper from pg_roles where rolname = current_user") !== "") return candidate;
    } catch {
      // Try the next superuser.
    }
  }
  return undefined;
}

/**
 * Returns the superuser of a Postgres that an `up` of this project has started, with the password kept beside its data.
 */
async function ourOwn(url: URL, project: string): Promise<Superuser[]> {
  const candidates: Superuser[] = [];
  for (const folder of await foldersOf(project)) {
    const file = join(nativeFolder(folder, "postgres", url), superuserFile);
    const password = await Deno.readTextFile(file).catch(() => undefined);
    if (password) candidates.push(overTcp(url.host, `:${password.trim()}`));
  }
  return candidates;
}

function overTcp(host: string, password = ""): Superuser {
  return async (statement) => {
    await using sql = new Session(`postgres://postgres${password}@${host}/postgres`, { name: "casino-up" });
    try {
      return (await sql.query(statement)).map((row) => Object.values(row).join()).join("\n");
    } catch (error) {
      throw new ServiceError(redact(messageOf(error)));
    }
  };
}

/** As root, uses the local socket, on which the system's packages allow the user `postgres`. */
function overSocket(url: URL): Superuser[] {
  if (Deno.uid() !== 0 || !isLoopback(url.hostname)) return [];
  const psql = ["-u", "postgres", "--", "psql", "-w", "-p", url.port, "-d", "postgres", "-tAqc"];
  return [
    async (statement) => (await runProgram("runuser", [...psql, statement], { cwd: "/", deadlineMs: 10_000 })).trim(),
  ];
}

function wantedOf(url: URL): { role: string; password: string; database: string } {
  const { user, password } = credentialsOf(url);
  // The members' client, pg, decodes this part of the URL in the same way.
  return { role: user, password, database: decodeURI(url.pathname.slice(1)) || user };
}

function statementsFor(url: URL, shownPassword?: string): { createRole: string; create: string } {
  const { role, password, database } = wantedOf(url);
  return {
    createRole: `create role ${identifier(role)} login password ${literal(shownPassword ?? password)}`,
    create: `create database ${identifier(database)} owner ${identifier(role)}`,
  };
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Longest time between a server listening and accepting our login. */
const admitTimeoutMs = 60_000;

/**
 * Waits for a server that listens to accept our login; the server may exit meanwhile.
 * @param log path of the server's log, for the error
 * @param begun its start time, by `performance.now()`
 * @param mustRun rejects when the server has exited
 */
export async function untilItLetsUsIn(
  name: ServerName,
  { config, project, say }: WayOptions,
  log: string,
  begun: number,
  mustRun: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const url = urlOf(name, config);
  const giveUpAt = performance.now() + admitTimeoutMs;
  while (true) {
    const answer = await probe(name, url);
    if (answer.kind === "fits") {
      const seconds = ((performance.now() - begun) / 1000).toFixed(1);
      return say(`${titles[name]} ${answer.version} started at ${url.host} in ${seconds} s`);
    }
    if (answer.kind === "bare") await createDatabase(url, project, answer);
    await mustRun();
    if (performance.now() > giveUpAt) {
      const problem = answer.kind === "absent" ? "it does not answer" : answer.problem;
      throw new ServiceError(
        `${titles[name]} was started at ${url.host}, but cannot be used: ${problem}. Its log: ${log}. ` +
          "When its data are of other credentials, `deno task down --delete-data` removes them.",
      );
    }
    await delay(200);
  }
}
