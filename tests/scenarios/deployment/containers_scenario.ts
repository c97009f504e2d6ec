/** What the Dockerfile and compose.yaml promise. With a container engine, dev/images builds and runs the images. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { version } from "../../../shared/runtime/configuration/command.ts";
import { readConfig } from "../../../shared/runtime/configuration/config.ts";
import { freePort, Members } from "../../../tools/demo/members.ts";
import { brokerScript, cacheRoles, databaseScript } from "../../../tools/roles/roles.ts";
import { runProgram, succeeds } from "../../../tools/run_program.ts";
import { digestOf } from "../../../dev/images/foreign.ts";
import { composeFaults } from "../../../dev/programs/programs.ts";
import { Authority } from "../../harness/encrypted_servers.ts";
import { project } from "../../harness/world.ts";
import { TemporaryFolder } from "../../harness/temporary.ts";

interface Stage {
  readonly name: string;
  readonly from: string;
  /** Keyword and value of each instruction. */
  readonly instructions: (readonly [string, string])[];
}

const stages = stagesOf(await Deno.readTextFile(join(project, "Dockerfile")));
const programs: Readonly<Record<string, readonly string[]>> = {
  "publisher": ["publisher/main.ts"],
  "subscriber": ["subscriber/main.ts"],
  "rates-api": ["rates-api/main.ts"],
  "tools": ["dead", "erase", "find", "migrate", "provision", "retention", "roles", "status"]
    .map((name) => `tools/${name}/main.ts`),
};
const nobody = 65532;
const topologyNames = ["EVENTS_EXCHANGE", "EVENTS_QUEUE", "DEAD_LETTER_QUEUE"] as const;

function stagesOf(dockerfile: string): Stage[] {
  const stages: Stage[] = [];
  for (const line of dockerfile.replace(/^#.*\n/gm, "").replace(/\\\n\s*/g, "").split("\n")) {
    const [, keyword = "", value = ""] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    const [from = "", , name = ""] = value.split(" ");
    if (keyword === "FROM") stages.push({ name, from, instructions: [] });
    else if (keyword) stages.at(-1)!.instructions.push([keyword, value]);
  }
  return stages;
}

/** The values of a stage's own instructions of one kind, without inherited ones. */
function valuesOf({ instructions }: Stage, keyword: string): string[] {
  return instructions.filter(([each]) => each === keyword).map(([, value]) => value);
}

function stageOf(target: string): Stage {
  return stages.find(({ name }) => name === target)!;
}

Deno.test("every image starts from the pinned Deno and runs no shell", () => {
  const bases = stages.map(({ from }) => from).filter((from) => !stages.some(({ name }) => name === from));
  strictEqual(bases.length, 1);
  const { tagged } = digestOf(bases[0]!);
  strictEqual(tagged, `docker.io/denoland/deno:distroless-${Deno.version.deno}`);
  for (const stage of stages) {
    for (const keyword of ["RUN", "ENTRYPOINT", "CMD"]) {
      for (const value of valuesOf(stage, keyword)) strictEqual(Array.isArray(JSON.parse(value)), true, value);
    }
  }
});

for (const target of Object.keys(programs)) {
  Deno.test(`the image ${target} is labelled, runs as nobody, and installs only locked packages`, () => {
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
    // A permission without names allows everything. Hosts are in CMD, which the operator of the image replaces.
    for (const flag of [...entrypoint, net].filter((word) => word.startsWith("--allow"))) {
      match(flag, /^--allow-(net=[\w.:,\[\]-]+|read=\/[\w/,]+)$/);
    }
  });
}

for (const target of Object.keys(programs)) {
  Deno.test(`the image ${target} has every file that its programs import, all cached`, async () => {
    const build = stageOf(`${target}-build`);
    const copied = [build, stageOf(build.from)].flatMap((stage) => valuesOf(stage, "COPY"))
      .flatMap((value) => value.split(" ").slice(0, -1));
    const ignored = (await Deno.readTextFile(join(project, ".dockerignore"))).split("\n")
      .filter((line) => line.startsWith("**/"))
      .map((line) => new RegExp(`/${line.slice(3).replaceAll(".", "\\.").replaceAll("*", "[^/]*")}(/|$)`));
    const [cached = "[]"] = valuesOf(build, "RUN");
    const words: string[] = JSON.parse(cached);
    deepStrictEqual(words.slice(0, 3), ["/bin/deno", "cache", "--frozen"]);
    deepStrictEqual(programs[target]!.filter((program) => !words.includes(program)), []);
    const missing = new Set<string>();
    for (const program of words.slice(3)) {
      for (const path of await modulesOf(program)) {
        const isCopied = copied.some((each) => path === each || path.startsWith(`${each}/`));
        if (!isCopied || ignored.some((pattern) => pattern.test(`/${path}`))) missing.add(path);
      }
    }
    deepStrictEqual([...missing], []);
  });
}

Deno.test("the subscriber's health check passes while /health/ready succeeds", async () => {
  let status = 200;
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response("", { status }),
  );
  strictEqual(await isHealthy("subscriber", server.addr.port), true);
  status = 503;
  strictEqual(await isHealthy("subscriber", server.addr.port), false);
});

Deno.test("the rates API's health check passes while the service serves, over TLS if enabled", async () => {
  await using temporary = await TemporaryFolder.make("casino-images-");
  const { path: folder } = temporary;
  await using members = new Members(project);
  const ca = await Authority.make(folder, "ca");
  const { cert, key } = await ca.sign("server", "DNS:rates-api");
  const tls = { RATES_API_TLS: "on", TLS_CERT_FILE: cert, TLS_KEY_FILE: key };
  // The last API also asks clients for certificates.
  for (const env of [{ RATES_API_TLS: "off" }, tls, { ...tls, TLS_CA_FILE: ca.cert }]) {
    const port = freePort();
    const api = members.start("rates-api", [], { ...env, RATES_API_ADDRESS: `127.0.0.1:${port}` });
    await members.untilLogged(api, "rates_api.ready");
    strictEqual(await isHealthy("rates-api", port, env, folder), true, JSON.stringify(env));
    if (env.RATES_API_TLS === "on") strictEqual(await isHealthy("rates-api", port, {}, folder), false);
    await members.stop(api);
    strictEqual(await isHealthy("rates-api", port, env, folder), false);
  }
});

/** Runs the image's own health check at this port, with the secrets in this folder. */
async function isHealthy(
  target: string,
  port: number,
  env: Readonly<Record<string, string>> = {},
  secrets = "/run/secrets",
): Promise<boolean> {
  const [, command = "[]"] = /CMD (\[.*)$/.exec(valuesOf(stageOf(target), "HEALTHCHECK")[0]!) ?? [];
  const [, ...args]: string[] = JSON.parse(
    command.replaceAll(/127\.0\.0\.1:\d+/g, `127.0.0.1:${port}`).replace("/run/secrets", secrets),
  );
  return await succeeds(Deno.execPath(), args, { cwd: project, env });
}

/** The project's files that a program loads, relative to the project's root. */
async function modulesOf(program: string): Promise<string[]> {
  const graph = await runProgram(Deno.execPath(), ["info", "--json", program], { cwd: project });
  const { modules }: { modules: { specifier: string }[] } = JSON.parse(graph);
  return modules.filter(({ specifier }) => specifier.startsWith("file:"))
    .map(({ specifier }) => relative(project, fileURLToPath(specifier)));
}

interface Service {
  readonly profiles?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string>>;
}

const file = await Deno.readTextFile(join(project, "compose.yaml"));
const composition = parse(file, { merge: true });
const services: [string, Service][] = Object.entries(composition.services);
const servers = ["postgres", "rabbitmq", "redis"];
const everything = [
  ...[...servers, "migrate", "postgres-roles", "provision", "publisher", "rabbitmq-roles", "rates-api", "subscriber"],
];
const profiles: Readonly<Record<string, readonly string[]>> = {
  servers,
  everything,
  observability: [...everything, "grafana", "jaeger", "prometheus"],
  commands: ["operator", "retention"],
};

Deno.test("compose.yaml is a valid Compose file, and a misspelt key is found", async () => {
  deepStrictEqual(await composeFaults(composition), "");
  const { redis, ...others } = composition.services;
  match(
    await composeFaults({ ...composition, services: { ...others, redis: { ...redis, imagge: "x" } } }),
    /services\/redis must NOT/,
  );
  match(await composeFaults({ ...composition, volume: {} }), /must NOT have additional properties/);
});

for (const [profile, names] of Object.entries(profiles)) {
  Deno.test(`the profile ${profile} of compose.yaml starts its services and their dependencies`, () => {
    const started = services.filter(([, { profiles = [] }]) => profiles.includes(profile));
    deepStrictEqual(started.map(([name]) => name).sort(), names.toSorted());
    const waitedFor = started.flatMap(([, { depends_on = {} }]) => Object.keys(depends_on));
    deepStrictEqual(waitedFor.filter((name) => !names.includes(name)), []);
  });
}

Deno.test("every service of compose.yaml has a profile, and .env selects the one that starts the whole system", async () => {
  deepStrictEqual(services.filter(([, { profiles = [] }]) => profiles.length === 0), []);
  const settings = (await Deno.readTextFile(join(project, ".env"))).split("\n").filter((line) => /^[^#]/.test(line));
  deepStrictEqual(settings, ["COMPOSE_PROFILES=everything"]);
});

Deno.test("compose.yaml creates the roles of deno task roles, and every member uses its own", async () => {
  const read = (name: string) => Deno.readTextFile(join(project, "deploy/compose", name));
  strictEqual(await read("rabbitmq.sh"), brokerScript(readConfig(topologyNames, () => undefined), "/"));
  strictEqual(await read("postgres.sql"), databaseScript("casino", "public"));
  const command: string[] = composition.services.redis.command;
  const users = command.join("\n").split("\n--user\n").slice(1).map((user) => user.split("\n"));
  deepStrictEqual(
    users.map(([user, , , ...rules]) => ({ user, rules })),
    cacheRoles("casino:").map(({ user, rules }) => ({ user, rules })),
  );
  const userOf = (url: string) => /^\w+:\/\/([\w-]+):/.exec(url)?.[1];
  const used = services.flatMap(([name, { environment = {} }]) =>
    Object.entries(environment).filter(([variable]) => variable.endsWith("_URL"))
      .map(([variable, url]) => `${name} ${variable} ${userOf(url)}`)
  );
  deepStrictEqual(used.sort(), [
    "migrate DATABASE_URL casino_migrator",
    "operator DATABASE_URL casino_dead_letters",
    "operator RABBITMQ_URL casino-dead-letters",
    "operator REDIS_URL casino-reader",
    "provision RABBITMQ_URL casino-provision",
    "publisher RABBITMQ_URL casino-publisher",
    "retention DATABASE_URL casino_migrator",
    "subscriber DATABASE_URL casino_subscriber",
    "subscriber DEAD_LETTER_RABBITMQ_URL casino-dead-letters",
    "subscriber RABBITMQ_URL casino-subscriber",
    "subscriber REDIS_URL casino-subscriber",
  ]);
});

Deno.test("the services of compose.yaml that create roles run their scripts for the configured host and database", async () => {
  await using temporary = await TemporaryFolder.make("casino-roles-");
  const ran = async (service: string, file: string, program: string, stub: string, env: Record<string, string>) => {
    await temporary.write(program, `#!/bin/sh\n${stub}\n`);
    await Deno.chmod(join(temporary.path, program), 0o755);
    const [shell, ...args]: string[] = composition.services[service].entrypoint;
    const here = args.map((arg) => arg.replaceAll("$$", "$").replace(/\/run\/roles\.\w+/, join(project, file)));
    const passwords = Object.keys(composition.services[service].environment).filter((name) =>
      name.endsWith("_PASSWORD")
    );
    return await runProgram(shell!, here, {
      env: {
        ...Object.fromEntries(passwords.map((name) => [name, "secret"])),
        ...{ ...env, PATH: `${temporary.path}:${Deno.env.get("PATH")}` },
      },
    });
  };
  const stubs = { rabbitmqctl: '[ "$1" = -q ] && echo "$@" || cat >/dev/null', psql: "cat" };
  const broker = await ran("rabbitmq-roles", "deploy/compose/rabbitmq.sh", "rabbitmqctl", stubs.rabbitmqctl, {
    VIRTUAL_HOST: "events",
  });
  match(broker, /^-q set_permissions -p events casino-publisher \^\$ \^\(casino\\\.events\)\$ \^\$$/m);
  const database = await ran("postgres-roles", "deploy/compose/postgres.sql", "psql", stubs.psql, {
    PGDATABASE: "another",
  });
  match(database, /^grant connect on database "another" to casino_migrator/m);
  strictEqual(database.includes('"casino"'), false);
});
