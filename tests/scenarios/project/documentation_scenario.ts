/**
 * The README, docs/reliability.md and the schedule of scenarios name things that exist.
 * shared/runtime/configuration/config.ts declares the settings; deno.json, the Dockerfile, the manifests and
 * docs/settings.md agree with it.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { basename, join } from "node:path";
import { nameOf, scenarioFiles } from "../../../dev/check/jobs.ts";
import { endOf, runProgram } from "../../../tools/run_program.ts";
import { project } from "../../harness/world.ts";
import { schedule } from "../../../dev/check/schedule.ts";
import { parse, parseAllDocuments } from "yaml";
import { describeSettings, settingNames, variablesOf } from "../../../shared/runtime/configuration/config.ts";
import { expandPermissions, parseTask, readPermissionSets, readTasks } from "../../../tools/tasks/task_line.ts";

const readme = await Deno.readTextFile(join(project, "README.md"));
const tasks = readTasks(project);

Deno.test("the README names every task", () => {
  for (const task of Object.keys(tasks)) match(readme, new RegExp(`\`${task}[ \`]`), task);
});

Deno.test("every task has --help and --version, and rejects unknown flags", async () => {
  for (const task of Object.keys(tasks)) {
    const [help, version, wrong] = await Promise.all([
      run(task, "--help"),
      run(task, "--version"),
      run(task, "--wrong"),
    ]);
    for (const part of [/Flags:/, /Examples:\n {2}/, /Exit status: 0 done/]) match(help.stdout, part, task);
    match(version.stdout, /^\d+\.\d+\.\d+\n$/, task);
    deepStrictEqual([help.code, version.code, wrong.code], [0, 0, 2], task);
  }
});

async function run(task: string, ...args: string[]): Promise<{ code: number; stdout: string }> {
  return await endOf(Deno.execPath(), ["task", "--quiet", task, ...args], { cwd: project });
}

Deno.test("every test that docs/reliability.md names exists", async () => {
  const text = (await Deno.readTextFile(join(project, "docs/reliability.md"))).replace(/\s+/g, " ");
  // A file, then words of its tests: `tests/harness/world_test.ts` "some words", "other words"
  const named = Array.from(text.matchAll(/`([\w/-]+\.(?:ts|yaml))`((?:,? "[^"]+")*)/g));
  strictEqual(named.length > 100, true);
  for (const [, file, list] of named) {
    const source = await Deno.readTextFile(join(project, file!));
    for (const [, words] of list!.matchAll(/"([^"]+)"/g)) {
      strictEqual(source.includes(words!), true, `${file} has no "${words}"`);
    }
  }
});

Deno.test("documents find log records by code or time, and the program writes each code", async () => {
  const sources = await runProgram(
    "git",
    ["grep", "-hoE", 'event: "[a-z_.]+"', "--", "*.ts", ":!tests", ":!*_test.ts"],
    {
      cwd: project,
    },
  );
  const pages = (await runProgram("git", ["ls-files", "*.md"], { cwd: project })).trim().split("\n");
  const text = (await Promise.all(pages.map((page) => Deno.readTextFile(join(project, page))))).join("\n");
  const searches = text.match(/^grep .*\.log.*$/gm) ?? [];
  strictEqual(searches.length > 5, true);
  deepStrictEqual(searches.filter((line) => !/"event":"|"\$\(date /.test(line)), []);
  deepStrictEqual(text.match(/^.*"message":".*$/gm) ?? [], []);
  const codes = Array.from(text.matchAll(/"event":"([^"]+)"/g), ([, code]) => code!.replaceAll("\\", ""));
  deepStrictEqual(codes.filter((code) => !/\[/.test(code) && !sources.includes(`event: "${code}"`)), []);
});

Deno.test("every scenario that dev/check/schedule.ts names exists", async () => {
  const names = (await scenarioFiles(project)).map(nameOf);
  deepStrictEqual(Object.keys(schedule).filter((name) => !names.includes(name)), []);
});

const sets = readPermissionSets(project);
const read = (path: string) => Deno.readTextFile(join(project, path));
const variables = new Set(variablesOf(settingNames));
/** The commands in the image `tools`. */
const tools = ["dead", "migrate", "provision", "retention", "roles", "status"];

/** The programs of each permission set; `tools` and `machine` are of several images and tasks. */
const programs = new Map<string, Set<string>>();
for (const line of Object.values(tasks)) {
  const { flags, program } = parseTask(line);
  const set = flags.find((flag) => flag.startsWith("-P="))?.slice("-P=".length);
  if (set !== undefined && set !== "machine") programs.set(set, (programs.get(set) ?? new Set()).add(program));
}

Deno.test("a program's permission set in deno.json has exactly the variables of its settings", async () => {
  deepStrictEqual(Object.keys(sets).toSorted(), [...programs.keys(), "tools", "machine"].toSorted());
  const readBy = new Map<string, string[]>();
  for (const [set, each] of programs) {
    const read = new Set((await Promise.all([...each].map(variablesReadBy))).flat());
    readBy.set(set, variablesOf(settingNames).filter((name) => read.has(name)));
  }
  const ofTools = new Set(tools.flatMap((tool) => readBy.get(tool)!));
  readBy.set("tools", variablesOf(settingNames).filter((name) => ofTools.has(name)));
  for (const [set, names] of readBy) deepStrictEqual(sets[set]!["env"], names, set);
});

Deno.test("docs/settings.md has every setting, with its default and meaning", async () => {
  const rows = Array.from(
    (await read("docs/settings.md")).matchAll(/^\| `([A-Z_]+)` +\| (?:`([^`]*)`)? *\| (.*?) *\|$/gm),
    ([, name, fallback = "", help]) => ({ name, fallback, help }),
  );
  deepStrictEqual(rows, describeSettings(settingNames));
});

Deno.test("an image has the permission set of its name, and only variables of settings", async () => {
  const stages = (await read("Dockerfile")).replace(/\\\n\s*/g, "").split(/^FROM /m).slice(1);
  let found = 0;
  for (const stage of stages) {
    const name = /^\S+ AS (\S+)/.exec(stage)![1]!;
    const [, entrypoint] = /^ENTRYPOINT (.*)$/m.exec(stage) ?? [];
    if (!entrypoint) continue;
    found += 1;
    deepStrictEqual(JSON.parse(entrypoint).filter((flag: string) => /^-P=|^--allow-env/.test(flag)), [`-P=${name}`]);
    for (const [, variable] of stage.matchAll(/^ENV (\w+)=/gm)) ok(variables.has(variable!), variable!);
    for (const [, names] of stage.matchAll(/"--allow-env=([\w,]+)"/g)) {
      for (const variable of names!.split(",")) ok((sets[name]!["env"] as string[]).includes(variable), variable);
    }
  }
  strictEqual(found, 4);
});

Deno.test("compose.yaml gives members only settings", async () => {
  const { services } = parse(await read("compose.yaml"), { merge: true });
  const given = Object.values<{ image?: string; environment?: object }>(services)
    .filter(({ image }) => image?.startsWith("casino-events/"))
    .flatMap(({ environment = {} }) => Object.keys(environment)).filter((name) => !name.startsWith("OTEL_"));
  ok(given.length > 0);
  deepStrictEqual(given.filter((name) => !variables.has(name)), []);
});

Deno.test("a manifest's container has the permission set of its program, and only variables of that set", async () => {
  let found = 0;
  for (const container of await containersBelow(join(project, "deploy/kubernetes"))) {
    const args: string[] = container.args ?? [];
    const flag = args.find((arg) => /^-P=|^--allow-env/.test(arg));
    if (container.command?.[0] !== "/bin/deno") continue;
    found += 1;
    match(flag!, /^-P=/);
    const set = flag!.slice("-P=".length);
    const program = args.find((arg) => arg.endsWith(".ts"));
    // A person names the program of the operator.
    if (program !== undefined) ok(programs.get(set)?.has(program), container.name);
    strictEqual(basename(container.image), program?.startsWith("tools/") ? "tools" : set, container.name);
    const env = expandPermissions([flag!], sets).find((each) => each.startsWith("--allow-env="))!.slice(12).split(",");
    for (const { name } of container.env ?? []) {
      ok(env.includes(name) || /^OTEL_/.test(name), `${container.name} is given ${name}`);
    }
  }
  ok(found > 5);
});

Deno.test("members in images and manifests listen on IPv4 and IPv6", async () => {
  const containers = await containersBelow(join(project, "deploy/kubernetes"));
  const given = containers.flatMap(({ args = [], env = [] }) => JSON.stringify([args, env]));
  const texts = [await read("Dockerfile"), await read("compose.yaml"), ...given].join("\n");
  const listening = texts.match(/(?:0\.0\.0\.0|\[::\]):\d+/g) ?? [];
  deepStrictEqual([...new Set(listening)].sort(), ["[::]:50051", "[::]:8080", "[::]:8081"]);
});

/** The variables that the program lists in its --help. */
async function variablesReadBy(program: string): Promise<string[]> {
  const args = ["run", "--quiet", "--allow-env", "--allow-read", "--allow-sys", program, "--help"];
  const help = await runProgram(Deno.execPath(), args, { cwd: project });
  const words = help.match(/^ +[A-Z][A-Z_]+\b/gm)?.map((word) => word.trim()) ?? [];
  return variablesOf(settingNames.filter((name) => words.includes(name)));
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: string[];
  readonly env?: readonly { readonly name: string }[];
}

/** Returns the containers of every YAML file, patches included. */
async function containersBelow(folder: string): Promise<Container[]> {
  const containers: Container[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      if (/^(initC|c)ontainers$/.test(key) && Array.isArray(child)) containers.push(...child);
      walk(child);
    }
  };
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) containers.push(...await containersBelow(path));
    else if (name.endsWith(".yaml")) {
      for (const document of parseAllDocuments(await Deno.readTextFile(path))) {
        walk("toJS" in document ? document.toJS() : null);
      }
    }
  }
  return containers;
}
