import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { AbstractMigration } from "../../tools/migrate/nessie.ts";
import { withTestSchema } from "../servers/test_schema.ts";
import { MigrationError, runMigration } from "../../tools/migrate/transaction.ts";

function migration(up: string, down = "select 1"): () => Promise<{ default: unknown }> {
  class Written extends AbstractMigration {
    async up(): Promise<void> {
      await this.client.queryArray(up);
    }
    async down(): Promise<void> {
      await this.client.queryArray(down);
    }
  }
  return () => Promise.resolve({ default: Written });
}

Deno.test("runMigration() applies a migration with its history row, and rolls both back", async () => {
  await withTestSchema(async (sql) => {
    const name = "20990101000000_more.ts";
    const load = migration("create table more (id int); insert into more values (1)", "drop table more");
    const history = async () =>
      (await sql.query("select 1 from nessie_migrations where file_name = $1", [name])).length;
    await runMigration(sql, "up", name, load);
    strictEqual((await sql.query("select * from more")).length, 1);
    strictEqual(await history(), 1);
    await runMigration(sql, "down", name, load);
    strictEqual(await history(), 0);
    deepStrictEqual(await sql.query("select to_regclass('more') as more"), [{ more: null }]);
  });
});

Deno.test("runMigration() undoes a migration that fails halfway, and names the file and Postgres's error", async () => {
  await withTestSchema(async (sql) => {
    const load = migration("create table half (id int); select * from nowhere");
    await rejects(runMigration(sql, "up", "20990101000000_half.ts", load), (error: unknown) => {
      strictEqual(error instanceof MigrationError, true);
      strictEqual(
        (error as Error).message,
        '20990101000000_half.ts failed and was rolled back: relation "nowhere" does not exist; at character 43',
      );
      return true;
    });
    deepStrictEqual(await sql.query("select to_regclass('half') as half"), [{ half: null }]);
  });
});

Deno.test("runMigration() rejects a file without a migration", async () => {
  await withTestSchema(async (sql) => {
    for (const wrong of [undefined, {}, () => {}, class {}]) {
      const load = () => Promise.resolve({ default: wrong });
      await rejects(
        runMigration(sql, "up", "20990101000000_x.ts", load),
        /must have a default export: a class that extends AbstractMigration/,
      );
    }
  });
});

Deno.test("the migrations create their tables and the seed's players", async () => {
  await withTestSchema(async (sql) => {
    const players = await sql.query("select id || ' ' || email as player from players order by id");
    deepStrictEqual(players.map(({ player }) => player), [
      "10 john@example.com",
      "11 jane@example.com",
      "12 bob@example.com",
      "13 rick@example.com",
      "14 morty@example.com",
    ]);
    for (const table of ["events", "player_totals", "player_leaders", "event_counts"]) {
      strictEqual((await sql.query(`select * from ${table}`)).length, 0);
    }
  });
});
