/** The CronJobs of the manifests that change stored events, and Compose's service, as their roles on a real Postgres. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { type Json, type Manifest, ofKind, workloadsOf } from "../../../dev/kubernetes/manifest.ts";
import { Session } from "../../../shared/postgres/session.ts";
import { PrivateServers } from "../../harness/private_servers.ts";
import { asRole, makeRoles, type Role } from "../../harness/roles.ts";
import { TemporaryFolder } from "../../harness/temporary.ts";
import { project } from "../../harness/world.ts";
import { withoutPartitions, withWeeks } from "../../servers/test_schema.ts";
import { endedOf, ManifestCommands, processOf } from "./manifest_commands.ts";
import { overlay, overlayWith } from "./overlays.ts";

/** Of the oldest week. */
const monday = "date_trunc('week', now() at time zone 'UTC') at time zone 'UTC' - interval '1344 hours'";
const old = `select to_regclass('events_' || to_char((${monday}) at time zone 'UTC', 'YYYYMMDD')) is not null as old`;
const stored = "select count(*)::int as events from events";
const personal = "select count(*)::int as events from events where player_email is not null";
const ahead = "select event_partitions_end() - now() >= interval '28 days' as ahead";
/** Under a UUIDv7: rows under other ids are kept when their partition goes. */
const insert = (time: string) =>
  `insert into events (message_id, event_id, player_id, player_email, created_at, type, description, subscriber_id)
   values (overlay(first_event_id(${time})::text placing '7' from 15)::uuid, 1, 11, 'jane@example.com', now(), 'game_start', 'd', 's')`;

Deno.test("with the roles of the manifests' Secrets", async (t) => {
  const manifests = await overlay("development");
  await using servers = await PrivateServers.start();
  await makeRoles(servers);
  await using mounts = await TemporaryFolder.make("casino-run-");
  const { DATABASE_URL } = servers.direct;
  const { host } = new URL(DATABASE_URL);
  const here = (text: string) => text.replaceAll("/run/casino", mounts.path).replaceAll("postgres:5432", host);
  const commands = new ManifestCommands(manifests, { here });
  const mount = (role: Role) => mounts.write("secrets/database-url", asRole(DATABASE_URL, role, "_"));
  const end = async (name: string, role: Role, ...more: string[]) => {
    await mount(role);
    return await commands.end(name, more);
  };
  const run = async (name: string) => {
    await mount(roleOf(manifests, name));
    return await commands.run(name);
  };
  const typed = async (words: string) => {
    await mount(roleOf(manifests, words.split(" ")[1]!));
    return await commands.typed(words);
  };
  /** As an overlay does, which merges it into `settings`. */
  const keepFor = (days: number, all = manifests) => {
    const settings = ofKind(all, "ConfigMap").find(({ metadata }) => metadata.name.startsWith("settings"))!;
    settings["data"].EVENTS_RETENTION_DAYS = String(days);
  };
  match(await run("migrate"), /Granted table privileges/);
  await using sql = new Session(asRole(DATABASE_URL, "migrator", "_"), { name: "casino-test" });

  await t.step("the CronJob `retention` leaves a table without partitions unchanged", async () => {
    await sql.query(withoutPartitions);
    match(
      await run("retention"),
      /is not partitioned; there is nothing to maintain\.\nEVENTS_RETENTION_DAYS=0 keeps all events/,
    );
  });

  await sql.query(`select partition_events(${monday})`);
  await sql.query(withWeeks(9));
  await sql.query(`${insert(monday)}; ${insert("now()")}`);
  await run("migrate");
  deepStrictEqual([await sql.one(old), await sql.one(ahead)], [{ old: true }, { ahead: false }]);

  await t.step(
    "it creates the partitions of four weeks, indexes past ones, and removes nothing while no time is set",
    async () => {
      match(
        await run("retention"),
        /^Partitions exist until \d{4}-\d\d-\d\dT00:00:00Z\.\n(Indexed events_\d{8} .*\n)+EVENTS_RETENTION_DAYS=0 keeps all events\.$/m,
      );
      deepStrictEqual(
        [await sql.one(old), await sql.one(stored), await sql.one(ahead)],
        [{ old: true }, { events: 2 }, { ahead: true }],
      );
    },
  );

  keepFor(45);
  await t.step("no other role may remove events or erase a player's data", async () => {
    for (const role of ["subscriber", "dead-letters", "reader"] as const) {
      for (const [name, ...more] of [["retention"], ["erase", "--player", "11", "--yes"]] as const) {
        const { code, said } = await end(name, role, ...more);
        deepStrictEqual([role, name, code, /permission denied|must be owner/.test(said)], [role, name, 1, true], said);
      }
    }
    deepStrictEqual([await sql.one(old), await sql.one(personal)], [{ old: true }, { events: 2 }]);
  });

  await t.step("it removes old events once a time is set, after a manual dry run, and is in the audit", async () => {
    match(
      await typed("start retention --dry-run"),
      /^To delete:\nevents_\d{8}: .*\n(?:.*\n)*DRY RUN: no event was deleted\.$/m,
    );
    deepStrictEqual(await sql.one(old), { old: true });
    match(await run("retention"), /^Dropped events_\d{8}\.$/m);
    deepStrictEqual([await sql.one(old), await sql.one(stored)], [{ old: false }, { events: 1 }]);
    const [act] = await sql.query("select who, state from acts where act = 'retention' order by id desc");
    deepStrictEqual(act, { who: "casino_migrator", state: "done" });
  });

  await t.step("with components/archive, it removes only events that it has exported to the volume", async () => {
    const archiving = await overlayWith("development", "archive");
    keepFor(30, archiving);
    await Deno.mkdir(join(mounts.path, "archive"));
    const written = await new ManifestCommands(archiving, { here }).run("retention");
    const [, file = ""] = /^Exported 0 events to (.*)\.\nDropped /m.exec(written) ?? [];
    strictEqual((await Deno.stat(file)).isFile && dirname(file), join(mounts.path, "archive"));
  });

  await t.step("the CronJob `erase` erases a player's data when an operator creates a Job of it", async () => {
    match(await typed("start erase --player 11 --dry-run"), /DRY RUN: no data was erased\.$/m);
    deepStrictEqual(await sql.one(personal), { events: 1 });
    match(await typed("start erase --player 11 --yes"), /^Erased: 1 event/m);
    deepStrictEqual(await sql.one(personal), { events: 0 });
  });

  await t.step("Compose's service `retention` does the same in its image", async () => {
    await sql.query(withWeeks(1));
    const { services } = parse(await Deno.readTextFile(join(project, "compose.yaml")), { merge: true });
    const { command, environment } = services.retention;
    const dockerfile = (await Deno.readTextFile(join(project, "Dockerfile"))).replaceAll(/\\\n\s*/g, "");
    const [, entrypoint = "[]"] = /^FROM base AS tools\n[^]*?^ENTRYPOINT (.*)$/m.exec(dockerfile) ?? [];
    const [, ...words]: string[] = [...JSON.parse(entrypoint), ...command];
    const role = /^postgres:\/\/casino_(\w+):/.exec(environment.DATABASE_URL)![1] as Role;
    const env = { ...environment, EVENTS_RETENTION_DAYS: "0", DATABASE_URL: asRole(DATABASE_URL, role, "_") };
    const { code, said } = endedOf(await processOf(words.map(here), env).output());
    strictEqual(code, 0, said);
    match(said, /^Partitions exist until .*\n(Indexed .*\n)+EVENTS_RETENTION_DAYS=0 keeps all events\.$/m);
    deepStrictEqual(await sql.one(ahead), { ahead: true });
    strictEqual(environment.EVENTS_RETENTION_DAYS, "${EVENTS_RETENTION_DAYS:-0}");
  });
});

/** The role in the URL that the overlay's Secret has for this workload. */
function roleOf(manifests: readonly Manifest[], name: string): Role {
  const { pod } = workloadsOf(manifests).find(({ all }) => all.some((container) => container.name === name))!;
  const { secret } = pod.volumes.find((volume: Json) => volume.name === "secrets");
  const { data } = ofKind(manifests, "Secret").find(({ metadata }) => metadata.name === secret.secretName) as Json;
  return new URL(atob(data["database-url"])).username.replace("casino_", "").replace("_", "-") as Role;
}
