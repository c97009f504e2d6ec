/**
 * docs/migrations.md's way to run nessie itself. Tests cannot download nessie, so a stand-in for its two modules treats
 * our files as nessie 2.0.11 does.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Session } from "../../../shared/postgres/session.ts";
import { servers } from "../../servers/servers.ts";
import { catalogue } from "../../../tools/migrate/catalogue.ts";
import { migrateUp, readHistory } from "../../../tools/migrate/migrator.ts";
import { runProgram } from "../../../tools/run_program.ts";
import { withEmptySchema } from "../../servers/test_schema.ts";
import { systemClock as clock } from "../../../shared/runtime/clock.ts";
import { project } from "../../harness/world.ts";
import { TemporaryFolder } from "../../harness/temporary.ts";

const nessie = "https://deno.land/x/nessie@2.0.11/";
const names = [...catalogue.keys()];

const mod = `
export class ClientPostgreSQL {
  constructor(url) { this.url = url; }
}
export class AbstractMigration {
  constructor({ client }) { this.client = client; }
}`;

/** Prints what it would send for each file, in order, and the configuration. */
const cli = `
import { AbstractMigration, ClientPostgreSQL } from "./mod.ts";
for (const name of "APPNAME DATABASE HOST OPTIONS PASSWORD PORT USER".split(" ")) Deno.env.get("PG" + name);
const at = (path) => new URL(path, "file://" + Deno.cwd() + "/").href;
const { default: config } = await import(at("nessie.config.ts"));
if (!(config.client instanceof ClientPostgreSQL)) throw new Error("another ClientPostgreSQL");
if (config.additionalSeedFiles === undefined && config.seedFolders.length === 0) Deno.readDirSync("db/seeds").next();
const down = Deno.args[0] === "rollback";
const files = config.migrationFolders.flatMap((folder) =>
  [...Deno.readDirSync(folder)].filter(({ name }) => /^\\d{14}_[a-z\\d]+(_[a-z\\d]+)*\\.ts$/.test(name))
    .map(({ name }) => ({ name, path: folder + "/" + name }))).sort((a, b) => a.name < b.name ? -1 : 1);
const sent = [];
for (const { name, path } of down ? files.reverse() : files) {
  const client = { queryArray: (sql) => { sent.push({ name, sql }); return Promise.resolve({ rows: [] }); } };
  const { default: Migration } = await import(at(path));
  if (!(Migration.prototype instanceof AbstractMigration)) throw new Error(name + " extends another class");
  await new Migration({ client })[down ? "down" : "up"]({ dialect: "pg" });
}
console.log(JSON.stringify({ url: config.client.url, sent }));`;

interface Ran {
  url: string;
  sent: { name: string; sql: string }[];
}

/** Runs the document's command with the stand-in in place of nessie's address. */
async function withNessie(use: (run: (...action: string[]) => Promise<Ran>) => Promise<void>): Promise<void> {
  const [, command = ""] = /^```sh\n(deno run \\\n.*?)\n```/ms.exec(
    await Deno.readTextFile(join(project, "docs/migrations.md")),
  ) ?? [];
  match(command, / migrate$/);
  await using folder = await TemporaryFolder.make("casino-nessie-");
  await folder.write("mod.ts", mod);
  await folder.write("cli.ts", cli);
  const address = new URL(servers.DATABASE_URL).host;
  const local = command.replaceAll(nessie, `${pathToFileURL(folder.path).href}/`).replace("HOST:PORT", address)
    .replace(/^deno run/, `'${Deno.execPath()}' run --no-prompt --quiet`).replace(/ migrate$/, "");
  await use(async (...action) => {
    const env = { DATABASE_URL: servers.DATABASE_URL, NO_COLOR: "1" };
    return JSON.parse(await runProgram("sh", ["-c", `${local} ${action.join(" ")}`], { cwd: project, env }));
  });
}

/** Sends what nessie sends, without its connection: each file's statements, then its row of history. */
async function send(sql: Session, sent: Ran["sent"], record: string): Promise<void> {
  for (const [i, { name, sql: statements }] of sent.entries()) {
    await sql.query(statements);
    if (sent[i + 1]?.name !== name) await sql.query(record, [name]);
  }
}

const createHistory = "CREATE TABLE nessie_migrations (id bigserial PRIMARY KEY, file_name varchar(100) UNIQUE, " +
  "created_at timestamp (0) default current_timestamp);";

const columns = `select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns
  where table_schema = current_schema() order by 1, 2`;

Deno.test("nessie runs the configuration and every file with the documented command, deno.json and deno.lock", async () => {
  await withNessie(async (run) => {
    const { url, sent } = await run("migrate");
    strictEqual(url, servers.DATABASE_URL);
    deepStrictEqual([...new Set(sent.map(({ name }) => name))], names);
  });
});

Deno.test("migrate continues a database of nessie with the same tables, and nessie rolls back what migrate applied", async () => {
  await withNessie(async (run) => {
    await withEmptySchema(async (sql, url) => {
      await sql.query(createHistory);
      const { sent } = await run("migrate");
      const begun = sent.filter(({ name }) => name <= names[1]!);
      await send(sql, begun, "INSERT INTO nessie_migrations (file_name) VALUES ($1);");
      deepStrictEqual(await migrateUp({ sql, catalogue, clock, say: () => {} }), names.slice(2));
      const continued = await tablesOf(sql, url);
      await withEmptySchema(async (other, otherUrl) => {
        deepStrictEqual(await migrateUp({ sql: other, catalogue, clock, say: () => {} }), names);
        deepStrictEqual(await tablesOf(other, otherUrl), continued);
        await send(other, (await run("rollback", "all")).sent, "DELETE FROM nessie_migrations WHERE file_name = $1;");
        deepStrictEqual(await readHistory(other), []);
        deepStrictEqual((await other.query(columns)).map(({ table_name }) => table_name), [
          ...Array(3).fill("nessie_migrations"),
        ]);
      });
    });
  });
});

/** Returns the columns without the schema's name. */
async function tablesOf(sql: Session, url: string): Promise<unknown> {
  const schema = new URL(url).searchParams.get("search_path")!;
  const tables = JSON.stringify(await sql.query(columns)).replaceAll(schema, "");
  ok(tables.includes("player_leaders"));
  return JSON.parse(tables);
}
