/** Builds every image and runs the system of compose.yaml from them, where a Docker engine answers. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "../../shared/runtime/clock.ts";
import { runCommand } from "../../shared/runtime/configuration/command.ts";
import { freePort } from "../../tools/demo/members.ts";
import { digestOf, foreignImages } from "./foreign.ts";
import { hasDockerEngine } from "../../tools/services/compose.ts";
import { runProgram } from "../../tools/run_program.ts";

const root = join(import.meta.dirname!, "../..");
/** The first run downloads the base image and the servers' images. */
const upMs = 20 * 60_000;
const answerMs = 2 * 60_000;
const user = "65532:65532";

await runCommand({
  name: "deno run -A dev/images/main.ts",
  summary:
    "Builds the images and runs the whole system from them. Requires a Docker engine; without one, the exit status\n" +
    "is 1.",
  flags: {},
  settings: [],
  examples: ["deno run -A dev/images/main.ts"],
}, async () => {
  if (!await hasDockerEngine()) {
    console.error("not run: no Docker engine answers, so no image was built.");
    return 1;
  }
  const unpinned = (await foreignImages(root)).filter((image) => digestOf(image).digest === undefined);
  if (unpinned.length > 0) console.error(`not pinned by digest (docs/images.md): ${unpinned.join(", ")}`);
  const project = `casino-images-${Deno.pid}`;
  const ports = ["RABBITMQ_PORT", "REDIS_PORT", "POSTGRES_PORT"].map((name) => [name, String(freePort())]);
  const env = { ...Object.fromEntries(ports), SUBSCRIBER_PORTS: "0", PUBLISHER_RATE: "100" };
  const compose = (args: readonly string[], deadlineMs = answerMs) =>
    runProgram("docker", ["compose", "--project-name", project, "--profile", "everything", ...args], {
      ...{ cwd: root, env, deadlineMs },
    });
  try {
    await compose(["up", "--build", "--detach"], upMs);
    const [host = ""] = (await compose(["port", "--index", "1", "subscriber", "8080"])).trim().split("\n");
    await until("events in /materialized", async () => {
      const answer = await fetch(`http://${host}/materialized`);
      return (await answer.json()).events_total > 0;
    });
    for (const service of ["subscriber", "rates-api"]) {
      const [id = ""] = await containersOf(service);
      await until(`the health of ${service}`, async () => await inspect(id, ".State.Health.Status") === "healthy");
    }
    for (const service of ["publisher", "subscriber", "rates-api", "migrate"]) {
      for (const id of await containersOf(service)) {
        deepStrictEqual([await inspect(id, ".Config.User"), await inspect(id, ".HostConfig.ReadonlyRootfs")], [
          user,
          "true",
        ], service);
      }
    }
    const hosts = "--allow-net=rabbitmq:5672,redis:6379,postgres:5432";
    const status = await compose(["run", "--rm", "--no-deps", "operator", hosts, "tools/status/main.ts", "--json"]);
    strictEqual(JSON.parse(status).totals.problem, null);
    await compose(["stop"]);
    for (const service of ["publisher", "subscriber", "rates-api", "migrate", "provision"]) {
      for (const id of await containersOf(service)) strictEqual(await inspect(id, ".State.ExitCode"), "0", service);
    }
    console.log("Built and ran all images.");
    return 0;
  } finally {
    await compose(["down", "--volumes", "--remove-orphans"]);
  }

  async function containersOf(service: string): Promise<string[]> {
    const ids = (await compose(["ps", "--all", "--quiet", service])).trim().split("\n").filter(Boolean);
    if (ids.length === 0) throw new Error(`compose.yaml started no ${service}`);
    return ids;
  }
});

async function inspect(container: string, field: string): Promise<string> {
  const args = ["inspect", "--format", `{{${field}}}`, container];
  return (await runProgram("docker", args, { deadlineMs: answerMs })).trim();
}

/** Polls every second; a request that fails is repeated. */
async function until(what: string, ask: () => Promise<boolean>): Promise<void> {
  const giveUpAt = systemClock.monotonic() + answerMs;
  while (systemClock.monotonic() < giveUpAt) {
    if (await ask().catch(() => false)) return;
    await systemClock.sleep(1_000);
  }
  throw new Error(`waited ${answerMs / 1_000} s for ${what}`);
}
