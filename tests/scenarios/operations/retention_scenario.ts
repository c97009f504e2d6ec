/** `deno task retention`, as run by a person and by a program. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { withWorld } from "../../harness/world.ts";
import { withoutPartitions, withWeeks } from "../../servers/test_schema.ts";

Deno.test("deno task retention says what goes, removes it when confirmed, and records it", async (t) => {
  await withWorld(async (world) => {
    const run = (days: string, ...args: string[]) =>
      world.members.run("retention", args, { ...world.env, EVENTS_RETENTION_DAYS: days });
    await world.sql.query(withoutPartitions);
    await t.step(
      "a table without partitions, no days, no confirmation and a wrong directory are rejected",
      async () => {
        const plain = await run("45", "--dry-run");
        deepStrictEqual([plain.code, /is not partitioned; see docs\/retention\.md/.test(plain.stderr)], [1, true]);
        for (
          const [refused, why] of [
            [await run("0", "--dry-run"), /EVENTS_RETENTION_DAYS=0 keeps all events/],
            [await run("45"), /without one, add --yes, or --dry-run/],
            [await run("45", "--yes", "--export", "/nowhere"), /--export=\/nowhere must be an existing directory/],
          ] as const
        ) {
          strictEqual(refused.code, 2);
          match(refused.stderr, why);
        }
      },
    );
    await world.sql.query("select partition_events(date_trunc('week', now()) - interval '56 days')");
    const weeks = async () =>
      (await world.sql.query("select from pg_inherits where inhparent = 'events'::regclass")).length;
    const before = await weeks();
    await t.step("a dry run changes nothing", async () => {
      const { code, stdout, stderr } = await run("45", "--dry-run");
      strictEqual(code, 0);
      match(stdout, /^To delete:\nevents_\d{8}: about 0 events, 1 MiB, until \d{4}-\d\d-\d\dT00:00:00Z$/m);
      match(stderr, /^DRY RUN: no event was deleted\.$/m);
      deepStrictEqual([await weeks(), await world.sql.query("select from acts")], [before, []]);
    });
    const directory = await Deno.makeTempDir({ prefix: "casino-retention-" });
    try {
      await t.step("it exports and drops, reports as JSON, and is in the audit", async () => {
        const { code, stdout } = await run("45", "--yes", "--json", "--export", directory);
        const { state, weeks: planned, gone } = JSON.parse(stdout);
        const files = Array.from(Deno.readDirSync(directory), ({ name }) => name).sort();
        deepStrictEqual([code, state, gone.tables], [0, "done", planned.map(({ table }: { table: string }) => table)]);
        deepStrictEqual(files, gone.tables.map((table: string) => `${table}.csv.gz`));
        // One partition is new: events_gone.
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
    await t.step("with --maintain it needs no days and no confirmation; a dry run creates nothing", async () => {
      await world.sql.query(withWeeks(1));
      const made = "select event_partitions_end() - now() >= interval '28 days' as made";
      const dry = await run("0", "--maintain", "--dry-run");
      deepStrictEqual([dry.code, await world.sql.one(made)], [0, { made: false }]);
      // An interrupted run leaves an index that no query uses, as this one on ids that are not unique.
      const { week } = await world.sql.one<{ week: string }>(
        `select min(relname) as week from pg_inherits join pg_class on oid = inhrelid
         where inhparent = 'events'::regclass and relname ~ '^events_\\d{8}$'`,
      );
      await world.sql.query(
        `insert into ${week} (message_id, event_id, player_id, type, created_at, description, subscriber_id)
        select (substr(first_event_id(to_date(substr('${week}', 8), 'YYYYMMDD') + interval '1 day')::text, 1, 14) ||
          '7000-8000-00000000000' || n)::uuid, 1, 1, 'game_stop', now(), '', '' from generate_series(1, 2) as n`,
      );
      await rejects(world.sql.query(`create unique index concurrently ${week}_by_event on ${week} (event_id)`));
      const { code, stdout } = await run("0", "--maintain", "--json");
      const { state, days, weeks, partitions_end, indexes } = JSON.parse(stdout);
      deepStrictEqual([code, state, days, weeks, await world.sql.one(made)], [0, "done", 0, [], { made: true }]);
      const valid = await world.sql.query<{ name: string; over: boolean }>(
        `select relname as name, to_date(substr(relname, 8, 8), 'YYYYMMDD') < now() - interval '8 days' as over
         from pg_index join pg_class on oid = indexrelid join pg_inherits on pg_inherits.inhrelid = indrelid
         where inhparent = 'events'::regclass and indisvalid and not indisunique and relname ~ '_by_(event|player)$'
         order by 1`,
      );
      deepStrictEqual(indexes.slice(0, 2), [`${week}_by_event`, `${week}_by_player`]);
      deepStrictEqual(valid, indexes.map((name: string) => ({ name, over: true })));
      deepStrictEqual(JSON.parse((await run("0", "--maintain", "--json")).stdout).indexes, []);
      match(partitions_end, /^\d{4}-\d\d-\d\dT00:00:00Z$/);
    });
    await t.step("when nothing is old, it reports that, and is in the audit", async () => {
      const runs = "select state, affected, filter->>'maintain' as maintain from acts order by id";
      const before = await world.sql.query(runs);
      deepStrictEqual(before.slice(1), Array(2).fill({ state: "done", affected: "0", maintain: "true" }));
      const { code, stdout } = await run("45", "--yes");
      deepStrictEqual([code, stdout.trim()], [0, "No events are older than 45 days."]);
      const last = { state: "done", affected: "0", maintain: "false" };
      deepStrictEqual(await world.sql.query(runs), [...before, last]);
    });
  });
});
