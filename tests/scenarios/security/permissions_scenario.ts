/** Each task uses every permission that it has, and requests no other. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Members } from "../../../tools/demo/members.ts";
import {
  allowed,
  expandPermissions,
  parseTask,
  readPermissionSets,
  readTasks,
} from "../../../tools/tasks/task_line.ts";
import { asOperator, getJson, statusOf, tokensFile, untilAnswered, urlOf } from "../../harness/http.ts";
import { project, withWorld } from "../../harness/world.ts";

const tasks = readTasks(project);
const sets = readPermissionSets(project);
/** Developer tools, which run programs of the machine: docs/security.md. The tests below apply to every other task. */
const tools = ["up", "down", "demo", "check", "test", "chaos", "bench", "compat", "generate", "sbom"];
const guarded = Object.keys(tasks).filter((task) => !tools.includes(task));
/** Tasks that open no connection. */
const offline = ["migrate:new", "roles", "simulate"];
const loopback = ["127.0.0.1", "localhost", "[::1]"];

/** The permission flags of a task. */
function flagsOf(task: string, env: Record<string, string> = {}): string[] {
  return expandPermissions(parseTask(tasks[task]!, env).flags, sets);
}

/** A line of the file that Deno writes for DENO_AUDIT_PERMISSIONS: github.com/denoland/deno, runtime/permissions. */
interface Asked {
  readonly permission: string;
  readonly value: string | null;
}

Deno.test("tasks run no programs, load no libraries, write only a new migration or an export, and never prompt", () => {
  for (const task of guarded) {
    const flags = flagsOf(task);
    strictEqual(flags.includes("--no-prompt"), true, task);
    for (const kind of ["run", "ffi", "import"]) deepStrictEqual(allowed(flags, kind), [], task);
    const writes: Readonly<Record<string, true | readonly string[]>> = {
      "migrate:new": ["migrations"],
      retention: true,
    };
    deepStrictEqual(allowed(flags, "write"), writes[task] ?? [], task);
  }
});

Deno.test("tasks that connect may reach this machine and the hosts of ALLOW_NET only", () => {
  for (const task of guarded.filter((each) => !offline.includes(each))) {
    deepStrictEqual(allowed(flagsOf(task), "net"), loopback, task);
    const more = flagsOf(task, { ALLOW_NET: ",rabbit.example:5671" });
    deepStrictEqual(allowed(more, "net"), [...loopback, "rabbit.example:5671"], task);
  }
  for (const task of offline) deepStrictEqual(allowed(flagsOf(task), "net"), [], task);
});

Deno.test("members ask Deno for exactly the permissions of their tasks", async () => {
  const folder = await Deno.makeTempDir({ prefix: "casino-audit-" });
  const given = join(folder, "given.env");
  await Deno.writeTextFile(given, "");
  const started = new Members(project);
  try {
    await withWorld(async (world) => {
      const audited = (task: string, env: Record<string, string> = {}) => ({
        ...world.env,
        ...env,
        DENO_AUDIT_PERMISSIONS: join(folder, `${task.replace(":", "-")}.jsonl`),
      });
      // The audit file covers only a task's last run, so that run reads an env file.
      const fromFile = ["--env-file", given];
      const run = (task: string, ...args: string[]) => started.runToEnd(task, args, audited(task));

      await run("migrate:status", ...fromFile);
      await run("migrate", ...fromFile);
      await run("provision", ...fromFile);
      await run("roles", "postgres", ...fromFile);
      await run("simulate", "--seeds", "1");
      const api = started.start("rates-api", fromFile, audited("rates-api"));
      await started.untilLogged(api, "rates_api.ready");
      const subscriber = started.start(
        "subscriber",
        ["--http", "127.0.0.1:0", ...fromFile],
        audited("subscriber", { HTTP_TOKENS_FILE: tokensFile, SUBSCRIBER_ID: "" }),
        { onLine: () => {} },
      );
      await started.untilLogged(subscriber, "consumer.ready");
      await run("publisher", "--input", join(project, "samples/events.ndjson"), ...fromFile);
      const url = urlOf(subscriber);
      await untilAnswered(() => getJson(`${url}/materialized`), ({ events_total }) => events_total === 26, "26 stored");
      for (const path of ["", "overview", "events", "find?id=2", "metrics", "health/ready", "openapi.json"]) {
        strictEqual(await statusOf(`${url}/${path}`), 200, path);
      }
      await untilAnswered(() => asOperator(`${url}/dead-letters`), ({ total }) => total === 1, "the letter is kept");
      await run("status", "--json", ...fromFile);
      await run("find", "2", ...fromFile);
      await run("rates-api:control", "stats", ...fromFile);
      await run("dead", "list");
      await started.stop(subscriber);
      await run("dead", "replay", "--all", ...fromFile);
      await started.stop(api);
      await run("erase", "--player", "11", "--yes", ...fromFile);
      const retention = audited("retention", { EVENTS_RETENTION_DAYS: "45" });
      await started.runToEnd("retention", ["--dry-run", ...fromFile], retention);
      await run("migrate:down", "--steps", "1", ...fromFile);
      await started.run("migrate:new", ["Bad Name"], audited("migrate:new"));
    });

    for (const task of guarded) {
      const asked = await askedBy(join(folder, `${task.replace(":", "-")}.jsonl`));
      const flags = flagsOf(task);
      deepStrictEqual(asked.filter((each) => !isAllowed(each, flags)), [], `${task} asks for what it may not do`);
      const of = (kind: string) =>
        asked.filter(({ permission }) => permission === kind).map(({ value }) => value ?? "");
      const unused = (kind: string) => {
        const list = allowed(flags, kind);
        return list === true ? [] : list.filter((each) => !of(kind).some((value) => covers(kind, each, value)));
      };
      // A task's configuration reads all of its variables.
      deepStrictEqual(["env", "sys", "read"].flatMap(unused), [], `${task} may do what it has no use for`);
      // For hosts, one use is enough.
      strictEqual(of("net").length > 0, (allowed(flags, "net") as readonly string[]).length > 0, task);
      // A task that may read any file gets a file here. Other tasks read only the project's files.
      strictEqual(
        of("read").includes(given),
        allowed(flags, "read") === true,
        `${task} and the file that it is given`,
      );
      const others = of("read").filter((path) => ![given, tokensFile].includes(path) && !isIn(project, path));
      deepStrictEqual(others, [], task);
    }
  } finally {
    await started.stopAll();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a member names at its start all hosts that it may not connect to, and the cure", async () => {
  const env = {
    RABBITMQ_URL: "amqps://casino:secret@rabbit.example",
    REDIS_URL: "rediss://:secret@cache.example:6380",
    DATABASE_URL: "postgres://u:secret@127.0.0.1/casino",
  };
  const { code, stderr } = await started("subscriber", ["--http", "0.0.0.0:8080"], env);
  strictEqual(code, 2);
  const hosts = "rabbit.example:5671,cache.example:6380,0.0.0.0:8080";
  deepStrictEqual(stderr.trim().split("\n"), [
    `RABBITMQ_URL=amqps://rabbit.example names a host that this process may not connect to: set ALLOW_NET=,${hosts} and start it again`,
    `REDIS_URL=rediss://cache.example:6380 names a host that this process may not connect to: set ALLOW_NET=,${hosts} and start it again`,
    `--http=0.0.0.0:8080 names a host that this process may not listen on: set ALLOW_NET=,${hosts} and start it again`,
    "See deno task subscriber --help.",
  ]);
  const way = await started("dead", ["list"], {
    DATABASE_URL: "postgres://casino@postgres.invalid/casino?sslmode=verify-full",
    ALLOW_NET: ",postgres.invalid:5432",
  });
  strictEqual(way.code, 1);
  match(way.stderr, /postgres\.invalid/);

  function started(task: string, args: string[], env: Record<string, string>) {
    return new Members(project).run(task, args, env);
  }
});

async function askedBy(path: string): Promise<Asked[]> {
  const lines = (await Deno.readTextFile(path)).split("\n").filter(Boolean);
  const asked: Asked[] = lines.map((line) => JSON.parse(line));
  // For a file that Deno.open() only reads, the audit of Deno 2.9.3 lists a write too, which needs no permission.
  const read = new Set(asked.filter(({ permission }) => permission === "read").map(({ value }) => value));
  return asked.filter(({ permission, value }) => permission !== "write" || !read.has(value))
    .map((each) => ({ ...each, value: each.value?.startsWith("file:") ? fileURLToPath(each.value) : each.value }));
}

function isAllowed({ permission, value }: Asked, flags: readonly string[]): boolean {
  const list = allowed(flags, permission);
  return list === true || list.some((each) => covers(permission, each, value ?? ""));
}

/**
 * @param listed as in a task's flags
 * @param value what was requested
 */
function covers(kind: string, listed: string, value: string): boolean {
  if (kind === "net") return value === listed || value.startsWith(`${listed}:`);
  if (kind === "read") return isIn(join(project, listed), value);
  return value === listed;
}

function isIn(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
