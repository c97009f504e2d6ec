/** The Dockerfile: what its images promise, and that each member runs from what they hold, as a user who may write nothing. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { eventually } from "../../servers/test_queues.ts";
import { version } from "../../../shared/command.ts";
import { settingNames, variablesOf } from "../../../shared/config.ts";
import { freePort } from "../../../tools/demo/members.ts";
import { Authority } from "../../harness/certificates.ts";
import { Builder, type Image, parseDockerfile, type Stage, valuesOf } from "./dockerfile.ts";
import { project, withWorld } from "../../harness/world.ts";
import { endOf } from "../../../tools/run_program.ts";

const stages = parseDockerfile(await Deno.readTextFile(join(project, "Dockerfile")));
const programs: Readonly<Record<string, readonly string[]>> = {
  "publisher": ["publisher/main.ts"],
  "subscriber": ["subscriber/main.ts"],
  "rates-api": ["rates-api/main.ts"],
  "tools": ["dead", "migrate", "provision", "roles", "status"].map((name) => `tools/${name}/main.ts`),
};
const nobody = 65532;

function stageOf(target: string): Stage {
  return stages.find(({ name }) => name === target)!;
}

Deno.test("every image begins with the pinned Deno and runs no shell", () => {
  const bases = stages.map(({ from }) => from).filter((from) => !stages.some(({ name }) => name === from));
  deepStrictEqual(bases, [`docker.io/denoland/deno:distroless-${Deno.version.deno}`]);
  for (const stage of stages) {
    for (const keyword of ["RUN", "ENTRYPOINT", "CMD"]) {
      for (const value of valuesOf(stage, keyword)) strictEqual(Array.isArray(JSON.parse(value)), true, value);
    }
  }
});

for (const target of Object.keys(programs)) {
  Deno.test(`the image ${target} is labelled, runs as nobody, and takes from the lock alone`, () => {
    const stage = stageOf(target);
    deepStrictEqual(valuesOf(stage, "USER"), [`${nobody}:${nobody}`]);
    const labels = valuesOf(stage, "LABEL").join(" ");
    for (const label of ["title", "description", `version="${version}"`, 'licenses="MIT"']) {
      ok(labels.includes(`org.opencontainers.image.${label}`), label);
    }
    const health = valuesOf(stage, "HEALTHCHECK");
    strictEqual(health.length, 1);
    match(
      health[0]!,
      /^(NONE|.*CMD \["\/bin\/deno", "run", "--cached-only", "--no-prompt", "--allow-net=127\.0\.0\.1:\d+", ("--allow-env=[\w,]+", "--allow-read=\/run\/secrets", )?"tools\/health\/.*\])$/,
    );
    const entrypoint: string[] = JSON.parse(valuesOf(stage, "ENTRYPOINT")[0]!);
    for (const flag of ["--frozen", "--cached-only", "--no-prompt"]) ok(entrypoint.includes(flag), flag);
    const [net = "", program = ""]: string[] = JSON.parse(valuesOf(stage, "CMD")[0]!);
    ok(programs[target]!.includes(program), program);
    // A permission without names is one to everything. Hosts are in CMD, which whoever runs the image replaces.
    for (const flag of [...entrypoint, net].filter((word) => word.startsWith("--allow"))) {
      match(flag, /^--allow-(net=[\w.:,-]+|env=[\w,]+|read=\/[\w/,]+|sys=(hostname|homedir))$/);
    }
  });

  Deno.test(`the image ${target} may read the variables of its settings, and no others`, async () => {
    const names = await Promise.all(programs[target]!.map(async (program) => {
      const args = ["run", "--quiet", "--allow-env", "--allow-read", "--allow-sys", program, "--help"];
      const { stdout } = await endOf(Deno.execPath(), args, { cwd: project });
      const words = stdout.match(/^ +[A-Z][A-Z_]+\b/gm) ?? [];
      return settingNames.filter((name) => words.some((word) => word.trim() === name));
    }));
    const wanted = variablesOf(settingNames.filter((name) => names.flat().includes(name)));
    const entrypoint: string[] = JSON.parse(valuesOf(stageOf(target), "ENTRYPOINT")[0]!);
    const allowed = entrypoint.find((word) => word.startsWith("--allow-env="))!.slice("--allow-env=".length).split(",");
    // Tracing asks whether it is on.
    if (target !== "tools") wanted.push("OTEL_DENO");
    deepStrictEqual(allowed.toSorted(), wanted.toSorted());
  });
}

Deno.test("from what the Dockerfile copies the whole system runs, as a user who may write nothing", async () => {
  await using builder = await Builder.open();
  const images: Record<string, Image> = {};
  for (const target of Object.keys(programs)) images[target] = await builder.build(target);
  const before = await filesIn(images);
  await withWorld(async (world) => {
    // As a secret is mounted.
    const secrets = join(images["subscriber"]!.root, "run/secrets");
    await Deno.mkdir(secrets, { recursive: true });
    await Deno.writeTextFile(join(secrets, "database-url"), `${world.env["DATABASE_URL"]}\n`);
    const { DATABASE_URL: _, ...withoutDatabase } = world.env;
    const fromFile = { ...withoutDatabase, DATABASE_URL_FILE: join(secrets, "database-url") };
    const ratesPort = new URL(`http://${world.env["RATES_API_ADDRESS"]}`).port;
    const httpPort = freePort();

    strictEqual((await end(spawn("tools", ["tools/provision/main.ts"], world.env))).code, 0);
    for (const action of [["status"], ["down", "--all"], ["up"]]) {
      const migrated = await end(spawn("tools", ["tools/migrate/main.ts", ...action], world.env));
      strictEqual(migrated.code, 0, migrated.said);
    }
    const checking = { ...fromFile, TOPOLOGY: "check" };
    const running = [
      spawn("rates-api", ["rates-api/main.ts"], world.env),
      spawn("subscriber", ["subscriber/main.ts", "--http", `127.0.0.1:${httpPort}`], checking),
    ].map((child) => ({ child, ended: end(child) }));
    try {
      await healthy("rates-api", ratesPort);
      await healthy("subscriber", String(httpPort));
      const published = await end(
        spawn("publisher", ["publisher/main.ts", "--input", "samples/events.ndjson"], {
          ...world.env,
          TOPOLOGY: "check",
        }),
      );
      strictEqual(published.code, 0, published.said);
      await world.untilSettled(26, 1);
      for (const args of [["status", "--json"], ["dead", "list"], ["roles", "postgres"]]) {
        const { code, said } = await end(spawn("tools", [`tools/${args[0]}/main.ts`, ...args.slice(1)], world.env));
        strictEqual(code, 0, said);
      }
    } finally {
      for (const { child } of running) child.kill("SIGTERM");
    }
    for (const { ended } of running) {
      const { code, said } = await ended;
      strictEqual(code, 0, said);
    }
    await servesByTls(world.env);
    for (const target of ["subscriber", "rates-api"]) {
      await Deno.remove(join(images[target]!.root, "run"), { recursive: true });
    }
  });
  deepStrictEqual(await filesIn(images), before);

  function spawn(target: string, args: readonly string[], env: Readonly<Record<string, string>>): Deno.ChildProcess {
    const image = images[target]!;
    return run(image, [...image.entrypoint, "--allow-net=127.0.0.1,localhost", ...args], env);
  }

  function run(image: Image, words: readonly string[], env: Readonly<Record<string, string>>): Deno.ChildProcess {
    const [program = "", ...args] = builder.commandIn(image, words);
    return new Deno.Command(program, {
      args,
      cwd: join(image.root, "app"),
      env: { ...builder.environmentOf(image), ...env },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...Deno.uid() === 0 && { uid: nobody, gid: nobody },
    }).spawn();
  }

  /** With and without certificates asked of callers. */
  async function servesByTls(env: Readonly<Record<string, string>>): Promise<void> {
    const secrets = join(images["rates-api"]!.root, "run/secrets");
    await Deno.mkdir(secrets, { recursive: true });
    const ca = await Authority.make(secrets, "ca");
    const { cert, key } = await ca.sign("server", "DNS:rates-api");
    await Deno.chmod(key, 0o644);
    for (const TLS_CA_FILE of [ca.cert, ""]) {
      const port = String(freePort());
      const tls = { RATES_API_TLS: "on", TLS_CA_FILE, TLS_CERT_FILE: cert, TLS_KEY_FILE: key };
      const own = { ...env, ...tls, RATES_API_ADDRESS: `127.0.0.1:${port}` };
      const child = spawn("rates-api", ["rates-api/main.ts"], own);
      const ended = end(child);
      try {
        await healthy("rates-api", port, own);
        strictEqual(await isHealthy("rates-api", port, { ...own, RATES_API_TLS: "off" }), false);
      } finally {
        child.kill("SIGTERM");
      }
      const { code, said } = await ended;
      strictEqual(code, 0, said);
    }
  }

  async function healthy(target: string, port: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
    await eventually(`the health of ${target}`, async () => await isHealthy(target, port, env) || undefined);
  }

  /** Asks as the image's own health check does, at the port that it has here. */
  async function isHealthy(target: string, port: string, env: Readonly<Record<string, string>>): Promise<boolean> {
    const command: string[] = JSON.parse(/CMD (\[.*)$/.exec(valuesOf(stageOf(target), "HEALTHCHECK")[0]!)![1]!);
    const words = command.map((word) => word.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`));
    return (await end(run(images[target]!, words, env))).code === 0;
  }
});

async function end(child: Deno.ChildProcess): Promise<{ code: number; said: string }> {
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, said: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** With when each was changed last. */
async function filesIn(images: Readonly<Record<string, Image>>): Promise<string[]> {
  const files: string[] = [];
  async function list(folder: string): Promise<void> {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const path = join(folder, name);
      if (isDirectory) await list(path);
      else files.push(`${path} ${(await Deno.stat(path)).mtime?.toISOString()}`);
    }
  }
  for (const { root } of Object.values(images)) await list(root);
  return files.sort();
}
