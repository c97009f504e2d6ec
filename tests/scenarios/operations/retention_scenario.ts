/** `deno task retention`, as a person and a program run it. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { withWorld } from "../../harness/world.ts";
import { withoutPartitions } from "../../servers/test_schema.ts";

Deno.test("deno task retention says what goes, lets it go when told to, and records it", async (t) => {
  await withWorld(async (world) => {
    const run = (days: string, ...args: string[]) =>
      world.members.run("retention", args, { ...world.env, EVENTS_RETENTION_DAYS: days });
    await world.sql.query(withoutPartitions);
    await t.step("a table without partitions, no days, no answer and a wrong directory are refused", async () => {
      const plain = await run("45", "--dry-run");
      deepStrictEqual([plain.code, /has no partitions: docs\/retention\.md/.test(plain.stderr)], [1, true]);
      for (
        const [refused, why] of [
          [await run("0", "--dry-run"), /EVENTS_RETENTION_DAYS is 0/],
          [await run("45"), /here it takes --yes, or --dry-run/],
          [await run("45", "--yes", "--export", "/nowhere"), /--export=\/nowhere must be a directory/],
        ] as const
      ) {
        strictEqual(refused.code, 2);
        match(refused.stderr, why);
      }
    });
    await world.sql.query("select partition_events(date_trunc('week', now()) - interval '56 days')");
    const weeks = async () =>
      (await world.sql.query("select from pg_inherits where inhparent = 'events'::regclass")).length;
    const before = await weeks();
    await t.step("a dry run changes nothing", async () => {
      const { code, stdout, stderr } = await run("45", "--dry-run");
      strictEqual(code, 0);
      match(stdout, /^To go:\nevents_\d{8}: about 0 events, 1 MiB, until \d{4}-\d\d-\d\dT00:00:00Z$/m);
      match(stderr, /^DRY RUN: nothing has gone\.$/m);
      deepStrictEqual([await weeks(), await world.sql.query("select from acts")], [before, []]);
    });
    const directory = await Deno.makeTempDir({ prefix: "casino-retention-" });
    try {
      await t.step("it exports and drops, says so as JSON, and is in the audit", async () => {
        const { code, stdout } = await run("45", "--yes", "--json", "--export", directory);
        const { state, weeks: planned, gone } = JSON.parse(stdout);
        const files = Array.from(Deno.readDirSync(directory), ({ name }) => name).sort();
        deepStrictEqual([code, state, gone.tables], [0, "done", planned.map(({ table }: { table: string }) => table)]);
        deepStrictEqual(files, gone.tables.map((table: string) => `${table}.csv.gz`));
        // One partition has come: that of what is gone.
        strictEqual(await weeks(), before - gone.tables.length + 1);
        const [act] = await world.sql.query("select act, state, via, affected, filter->>'days' as days from acts");
        deepStrictEqual(act, {
          ...{ act: "retention", state: "done", via: "deno task retention", days: "45" },
          affected: String(gone.tables.length),
        });
      });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
    await t.step("when nothing is old, it says so, and records nothing", async () => {
      const { code, stdout } = await run("45", "--yes");
      deepStrictEqual([code, stdout.trim()], [0, "No events are older than 45 days."]);
      strictEqual((await world.sql.query("select from acts")).length, 1);
    });
  });
});
