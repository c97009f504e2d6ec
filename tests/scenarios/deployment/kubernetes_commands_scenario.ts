/** The manifests' commands, with their permissions, environment and secrets, run the members on real servers. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { systemClock } from "../../../shared/runtime/clock.ts";
import { argumentsOf, environmentOf, type Json, workloadsOf } from "../../../dev/kubernetes/manifest.ts";
import { catalogue } from "../../../tools/migrate/catalogue.ts";
import { migrateDown } from "../../../tools/migrate/migrator.ts";
import { freePort } from "../../../tools/demo/members.ts";
import { get, getJson, getText, untilAnswered } from "../../harness/http.ts";
import { overlay } from "./overlays.ts";
import { project, withWorld } from "../../harness/world.ts";
import { runProgram } from "../../../tools/run_program.ts";
import { TemporaryFolder } from "../../harness/temporary.ts";

Deno.test("the manifests' commands provision, migrate, wait, serve, publish, subscribe, and do what a person asks for", async () => {
  const manifests = await overlay("development");
  const running: Deno.ChildProcess[] = [];
  await using mounts = await TemporaryFolder.make("casino-run-");
  try {
    await withWorld(async (world) => {
      const [rates, http, health] = [freePort(), freePort(), freePort()];
      const { RABBITMQ_URL, REDIS_URL, DATABASE_URL } = world.env;
      const host = (url = "") => new URL(url).host;
      // Replaces the cluster's names by addresses of this machine.
      const here = (text: string) =>
        text.replaceAll("/run/casino", mounts.path)
          .replaceAll("rabbitmq:5672", host(RABBITMQ_URL))
          .replaceAll("redis:6379", host(REDIS_URL))
          .replaceAll("postgres:5432", host(DATABASE_URL))
          .replaceAll(/(?:rates-api|\[::\]):50051/g, (found) =>
            found.replace("rates-api", "localhost").replace("50051", `${rates}`))
          .replaceAll("[::]:8080", `127.0.0.1:${http}`)
          .replaceAll("[::]:8081", `127.0.0.1:${health}`);
      const files: Record<string, string | undefined> = {
        "rabbitmq-url": RABBITMQ_URL,
        "dead-letter-rabbitmq-url": RABBITMQ_URL,
        "redis-url": REDIS_URL,
        "database-url": DATABASE_URL,
        "rates-api-key": "a-key-of-the-test",
        "http-tokens": "anna act a-token-of-the-test-0123456789",
      };
      for (const [name, value] of Object.entries(files)) await mounts.write(`secrets/${name}`, `${value}\n`);
      const { EVENTS_EXCHANGE, EVENTS_QUEUE, DEAD_LETTER_QUEUE, REDIS_KEY_PREFIX } = world.env;
      const names = {
        EVENTS_EXCHANGE,
        EVENTS_QUEUE,
        DEAD_LETTER_QUEUE,
        REDIS_KEY_PREFIX,
        SUBSCRIBER_ID: "subscriber-1",
      };

      const containers = workloadsOf(manifests).flatMap(({ all }) => all) as Json[];
      const commandOf = (name: string, stdout: "piped" | "null", more: readonly string[] = [], stdin?: "piped") => {
        const container = containers.find((found) => found.name === name)!;
        const [, ...args] = [...argumentsOf(container, manifests).map(here), ...more];
        const given = Object.entries(environmentOf(container, manifests)).map(([name, value]) => [name, here(value)]);
        const env = { ...Object.fromEntries(given), ...names as Record<string, string>, NO_COLOR: "1" };
        // Only the manifest's variables, and those by which Deno finds its cache.
        const own = ["HOME", "DENO_DIR", "PATH"].flatMap((name) =>
          Deno.env.has(name) ? [[name, Deno.env.get(name)!]] : []
        );
        return new Deno.Command(Deno.execPath(), {
          args,
          cwd: project,
          env: { ...env, ...Object.fromEntries(own) },
          clearEnv: true,
          stdin: stdin ?? "null",
          stdout,
          stderr: stdout === "piped" ? "piped" : "inherit",
        });
      };
      const run = async (name: string, more: readonly string[] = [], input?: string) => {
        const child = commandOf(name, "piped", more, "piped").spawn();
        const writer = child.stdin.getWriter();
        if (input !== undefined) await writer.write(new TextEncoder().encode(input));
        await writer.close();
        const { code, stdout, stderr } = await child.output();
        const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
        strictEqual(code, 0, `${name}: ${said}`);
        return said;
      };

      match(await run("provision"), new RegExp(`The queue ${EVENTS_QUEUE} exists`));
      // The Job must find an empty database.
      await migrateDown({ sql: world.sql, catalogue, clock: systemClock, say: () => {} }, catalogue.size);
      match(await run("migrate"), new RegExp(`Applied ${catalogue.size} migrations`));
      await run("wait-for-migrations");
      for (const name of ["rates-api", "subscriber", "publisher"]) running.push(commandOf(name, "null").spawn());
      const url = `http://127.0.0.1:${http}`;
      await untilAnswered(
        () => getJson(`${url}/materialized`),
        ({ events_total }) => events_total > 20,
        "events stored",
      );
      const ready = await get(`${url}/health/ready`);
      strictEqual(ready.status, 200, await ready.text());
      // Readiness does not need Redis or the rates API, so check that all four are reached.
      const metrics = await untilAnswered(
        () => getText(`${url}/metrics`),
        (text) => /^casino_dependency_up\{.*redis.*\} 1$/m.test(text),
        "Redis reached",
      );
      const reached = Array.from(
        metrics.matchAll(/^casino_dependency_up\{dependency="(.*)"\} 1$/gm),
        ([, name]) => name,
      );
      deepStrictEqual(reached.sort(), ["postgres", "rabbitmq", "rates_api", "redis"]);
      for (const child of running.reverse()) {
        child.kill("SIGTERM");
        strictEqual((await child.status).code, 0);
      }
      running.length = 0;

      // The commands of a person, from "Commands" of docs/kubernetes.md.
      const typed = async (words: string, input?: string) => {
        const [cronjob, ...more] = await startedBy(words);
        return await run(cronjob!, more, input);
      };
      const lag = async () =>
        JSON.parse(await typed("start operator tools/status/main.ts --json")).lag.messages as number;
      const before = await lag();
      const [line] = (await Deno.readTextFile(join(project, "samples/events.ndjson"))).split("\n");
      await typed("start publish --rate=1000", `${line}\n`);
      await untilAnswered(lag, (messages) => messages > before, "what was published waits");
      match(await typed("start operator tools/dead/main.ts list --limit 20"), /No dead letters/);
      match(await typed("start migrations down --steps 1"), /Rolled back 1 migration\./);
      match(await typed("start migrations status"), /^pending/m);
    });
  } finally {
    for (const child of running) {
      try {
        child.kill("SIGKILL");
      } catch {
        // The process has ended already.
      }
      await child.status;
    }
  }
});

/**
 * Runs the functions of docs/kubernetes.md with a kubectl that records its arguments.
 * @returns the CronJob and the arguments
 */
async function startedBy(words: string): Promise<string[]> {
  const text = await Deno.readTextFile(join(project, "docs/kubernetes.md"));
  const functions = text.slice(text.indexOf("start() {"), text.indexOf("```", text.indexOf("start() {")));
  await using folder = await TemporaryFolder.make("casino-kubectl-");
  const said = join(folder.path, "said");
  const script = `#!/bin/sh\n[ "$1" = -n ] && shift 2\nprintf '%s\\n' "$@" >>"${said}-$1"\n`;
  await folder.write("kubectl", script, 0o755);
  await runProgram("bash", ["-euc", `${functions}\n${words}`], {
    env: { PATH: `${folder.path}:${Deno.env.get("PATH")}` },
  });
  const flag = async (name: string, verb: string) =>
    (await Deno.readTextFile(`${said}-${verb}`)).split("\n").find((line) => line.startsWith(name))!.slice(
      name.length,
    );
  const patch = parse(await flag("--patch=", "patch")) as { op: string; path: string; value: string }[];
  for (const { op, path } of patch) deepStrictEqual([op, path], ["add", "/spec/template/spec/containers/0/args/-"]);
  return [await flag("--from=cronjob/", "create"), ...patch.map(({ value }) => value)];
}
