/** The migration commands as an operator types them, and as two operators type them at once. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { endOf, runProgram } from "../../../tools/run_program.ts";
import { catalogue } from "../../../tools/migrate/catalogue.ts";
import { PrivateServers } from "../../harness/private_servers.ts";
import { project } from "../../harness/world.ts";
import type { Session } from "../../../shared/postgres/session.ts";
import { withEmptySchema } from "../../servers/test_schema.ts";
import { TemporaryFolder } from "../../harness/temporary.ts";

type Migrate = (...args: string[]) => Promise<{ code: number; out: string }>;

function withDatabase(use: (sql: Session, migrate: Migrate, url: string) => Promise<void>): Promise<void> {
  return withEmptySchema((sql, url) => use(sql, (...args) => run(args, { DATABASE_URL: url }), url));
}

async function run(args: readonly string[], env: Readonly<Record<string, string>>) {
  const command = ["task", "--quiet", ...args];
  const { code, output } = await endOf(Deno.execPath(), command, { cwd: project, env: { NO_COLOR: "1", ...env } });
  return { code, out: output };
}

async function withFolder(files: Record<string, string>, use: (folder: string) => Promise<void>): Promise<void> {
  // Inside the project, where the bare specifier `nessie` resolves.
  await using folder = await TemporaryFolder.make("migrations-", join(project, "tests"));
  for (const [name, text] of Object.entries(files)) await folder.write(name, text);
  await use(folder.path);
}

const names = [...catalogue.keys()];
const all = names.length;
const newest = names.at(-1)!;

const migration = (up: string) =>
  `import { AbstractMigration } from "nessie";
export default class extends AbstractMigration {
  async up(): Promise<void> { await this.client.queryArray(\`${up}\`); }
  async down(): Promise<void> { await this.client.queryArray("select 1"); }
}`;

Deno.test("the catalogue for tests names every file of migrations/", async () => {
  const files = (await Array.fromAsync(Deno.readDir(join(project, "migrations")))).map(({ name }) => name);
  deepStrictEqual(names, files.filter((name) => name.endsWith(".ts")).sort());
});

Deno.test("migrate applies once, shows its status, and rolls back", async () => {
  await withDatabase(async (_, migrate) => {
    match((await migrate("migrate")).out, new RegExp(`Applied ${all} migrations\\.`));
    deepStrictEqual(await migrate("migrate"), { code: 0, out: "The database is up to date.\n" });
    const status = JSON.parse((await migrate("migrate:status", "--json")).out);
    strictEqual(status.length, all);
    strictEqual(status.every((row: { applied_at: string | null }) => row.applied_at !== null), true);
    strictEqual((await migrate("migrate:down")).out, `Rolled back ${newest}.\nRolled back 1 migration.\n`);
    match((await migrate("migrate:status")).out, new RegExp(`pending +${newest}`));
    match((await migrate("migrate:down", "--all")).out, new RegExp(`Rolled back ${all - 1} migrations`));
  });
});

Deno.test("migrate:status shows instants in UTC, for any time zone and DateStyle of server, session and process", async () => {
  await using servers = await PrivateServers.start();
  const { DATABASE_URL } = servers.direct;
  const role = new URL(DATABASE_URL).username;
  const speak = (zone: string, style: string) =>
    servers.asSuperuser(`alter role ${role} set timezone to '${zone}'; alter role ${role} set datestyle to '${style}'`);
  const zones = ["UTC", "Asia/Tokyo", "America/St_Johns"];
  const begun = Math.floor(Date.now() / 1_000) * 1_000;
  for (const [n, zone] of zones.entries()) {
    await speak(zone, "German");
    const steps = n === 0 ? [] : [["migrate:down", "--all"]];
    for (const args of [...steps, ["migrate"]]) strictEqual((await run(args, { DATABASE_URL })).code, 0);
    for (const [other, style] of [["Asia/Kathmandu", "SQL,DMY"], ["America/New_York", "Postgres,DMY"]] as const) {
      await speak(other, style);
      const { code, out } = await run(["migrate:status", "--json"], { DATABASE_URL, TZ: "Australia/Eucla" });
      strictEqual(code, 0, out);
      for (const { applied_at } of JSON.parse(out)) {
        const at = Date.parse(applied_at);
        strictEqual(applied_at, new Date(at).toISOString());
        const when = `${applied_at} written in ${zone}, read in ${other}`;
        strictEqual(at >= begun && at <= Date.now() + 1_000, true, when);
      }
    }
  }
});

Deno.test("migrate:status --wait ends when all migrations are applied, and accepts a database that is ahead", async () => {
  await withDatabase(async (sql, migrate) => {
    const late = await migrate("migrate:status", "--wait", "1");
    strictEqual(late.code, 1);
    match(late.out, new RegExp(`after 1 s: pending: ${names[0]}, `));
    const waiting = migrate("migrate:status", "--wait", "60");
    strictEqual((await migrate("migrate")).code, 0);
    strictEqual((await waiting).code, 0);
    await sql.query("insert into nessie_migrations (file_name) values ('20990101000000_of_a_later_release.ts')");
    deepStrictEqual(await migrate("migrate:status", "--wait", "1"), { code: 0, out: "" });
  });
});

Deno.test("two concurrent runs apply each file once", async () => {
  await withDatabase(async (sql, migrate) => {
    const runs = await Promise.all([migrate("migrate"), migrate("migrate"), migrate("migrate")]);
    deepStrictEqual(runs.map(({ code }) => code), [0, 0, 0]);
    strictEqual(runs.filter(({ out }) => out.includes(`Applied ${all} migrations.`)).length, 1);
    strictEqual((await sql.query("select * from nessie_migrations")).length, all);
  });
});

Deno.test("a failing migration leaves nothing, keeps earlier ones, and exits with 1", async () => {
  const files = {
    "20240101000000_good.ts": migration("create table good (id int)"),
    "20240102000000_bad.ts": migration("create table bad (id int); select nonsense"),
    "20240103000000_never.ts": migration("create table never (id int)"),
  };
  await withFolder(files, async (folder) => {
    await withDatabase(async (sql, migrate) => {
      const { code, out } = await migrate("migrate", "--folder", folder);
      strictEqual(code, 1);
      match(
        out,
        /Applied 20240101000000_good\.ts\.\n20240102000000_bad\.ts failed and was rolled back: column "nonsense" does not exist/,
      );
      const tables = await sql.one(
        "select to_regclass('good') as good, to_regclass('bad') as bad, to_regclass('never') as never",
      );
      deepStrictEqual(tables, { good: "good", bad: null, never: null });
    });
  });
});

Deno.test("migrate:new writes a file that runs, and rejects an invalid name", async () => {
  const path = join(project, "migrations");
  const before = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
  await withDatabase(async (_, migrate) => {
    strictEqual((await migrate("migrate:new", "Bad Name")).code, 1);
    strictEqual((await migrate("migrate:new")).code, 2);
  });
  deepStrictEqual((await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort(), before.sort());
  await withFolder({}, async (folder) => {
    const program = join(project, "tools/migrate/new_main.ts");
    await runProgram(Deno.execPath(), ["run", "-A", program, "add_bonus", "--folder", folder]);
    await withDatabase(async (_, migrate) => {
      match((await migrate("migrate", "--folder", folder)).out, /Applied \d{14}_add_bonus\.ts/);
    });
  });
});
