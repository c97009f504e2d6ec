/** The manifests' commands, with their permissions, environment and secrets, run the members on real servers. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "../../../shared/runtime/clock.ts";
import { catalogue } from "../../../tools/migrate/catalogue.ts";
import { migrateDown } from "../../../tools/migrate/migrator.ts";
import { freePort } from "../../../tools/demo/members.ts";
import { get, getJson, getText, untilAnswered } from "../../harness/http.ts";
import { ManifestCommands } from "./manifest_commands.ts";
import { overlay } from "./overlays.ts";
import { project, withWorld } from "../../harness/world.ts";
import { TemporaryFolder } from "../../harness/temporary.ts";

Deno.test("the manifests' commands provision, migrate, wait, serve, publish, subscribe, and run an operator's commands", async () => {
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

      const commands = new ManifestCommands(manifests, { here, env: names });
      const run = (name: string) => commands.run(name);

      match(await run("provision"), new RegExp(`The queue ${EVENTS_QUEUE} exists`));
      // The Job must find an empty database.
      await migrateDown({ sql: world.sql, catalogue, clock: systemClock, say: () => {} }, catalogue.size);
      match(await run("migrate"), new RegExp(`Applied ${catalogue.size} migrations`));
      await run("wait-for-migrations");
      for (const name of ["rates-api", "subscriber", "publisher"]) running.push(commands.command(name, "null").spawn());
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

      // What a person runs, from "Commands" of docs/kubernetes.md.
      const typed = (words: string, input?: string) => commands.typed(words, input);
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
