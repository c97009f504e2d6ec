/** What files import, types included, follows the layout of ARCHITECTURE.md. */
import { deepStrictEqual } from "node:assert/strict";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { project } from "../../harness/world.ts";
import { runProgram } from "../../../tools/run_program.ts";

const product = ["shared/", "publisher/", "rates-api/", "subscriber/", "migrations/"];

/** A file belongs to the first house whose folder contains it. */
const houses: readonly { readonly folder: string; readonly uses: readonly string[] }[] = [
  { folder: "shared/event/", uses: [] },
  { folder: "shared/runtime/", uses: [] },
  { folder: "shared/rabbitmq/", uses: ["shared/event/", "shared/runtime/"] },
  { folder: "shared/postgres/", uses: ["shared/runtime/"] },
  { folder: "shared/redis/", uses: ["shared/runtime/"] },
  { folder: "shared/grpc/", uses: ["shared/runtime/"] },
  { folder: "subscriber/enriched/", uses: ["shared/event/", "shared/runtime/"] },
  { folder: "subscriber/rates/", uses: ["shared/", "rates-api/generated/"] },
  {
    folder: "subscriber/pipeline/",
    uses: ["shared/event/", "shared/rabbitmq/", "shared/runtime/", "subscriber/enriched/", "subscriber/rates/"],
  },
  { folder: "subscriber/dead_letters/", uses: ["shared/"] },
  { folder: "subscriber/store/", uses: ["shared/", "subscriber/enriched/", "subscriber/pipeline/"] },
  { folder: "subscriber/dashboard/", uses: ["shared/event/"] },
  {
    folder: "subscriber/metrics/",
    uses: [
      "shared/",
      "subscriber/dashboard/",
      "subscriber/dead_letters/",
      "subscriber/enriched/",
      "subscriber/pipeline/",
      "subscriber/rates/",
      "subscriber/store/",
    ],
  },
  {
    folder: "subscriber/find/",
    uses: ["shared/", "subscriber/dashboard/", "subscriber/metrics/", "subscriber/pipeline/"],
  },
  { folder: "subscriber/http/", uses: ["shared/", "subscriber/"] },
  { folder: "subscriber/", uses: ["shared/", "subscriber/"] },
  { folder: "publisher/", uses: ["shared/"] },
  { folder: "rates-api/", uses: ["shared/"] },
  { folder: "migrations/", uses: ["tools/migrate/"] },
  { folder: "tools/", uses: product },
  { folder: "dev/", uses: [...product, "tools/"] },
  { folder: "tests/", uses: [...product, "tools/", "dev/"] },
  { folder: "bench/", uses: [...product, "tools/", "dev/", "tests/"] },
];

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
  }[];
}

const imports = await importsOf(await filesOf(project));

Deno.test("a house imports only houses below it", () => {
  const wrong: string[] = [];
  for (const [file, imported] of imports) {
    const house = houses.find(({ folder }) => file.startsWith(folder));
    // A unit test is beside its file, and may also use what exists for tests.
    if (!house || file.endsWith("_test.ts") && house.folder !== "tests/") continue;
    for (const other of imported.filter((other) => other.includes("/"))) {
      if (![house.folder, ...house.uses].some((folder) => other.startsWith(folder))) wrong.push(`${file} → ${other}`);
    }
  }
  deepStrictEqual(wrong, []);
});

Deno.test("no file imports itself through others", () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    else if (!done.has(file)) {
      for (const other of imports.get(file) ?? []) visit(other, [...path, file]);
      done.add(file);
    }
  };
  for (const file of imports.keys()) visit(file, []);
  deepStrictEqual(circles, []);
});

Deno.test("a folder has no more than about twenty files of its own", async () => {
  const counts = new Map<string, number>();
  for (const file of (await runProgram("git", ["ls-files"], { cwd: project })).trim().split("\n")) {
    const folder = file.replace(/[^/]*$/, "");
    if (folder !== "") counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  deepStrictEqual([...counts].filter(([, count]) => count > 20), []);
});

Deno.test("a workaround names its report, or its absence, and the condition for its removal", async () => {
  const search = async (...args: string[]) =>
    new Set((await runProgram("git", ["grep", "-lE", ...args], { cwd: project })).trim().split("\n"));
  const folder = "shared/runtime/deno_workarounds/";
  const linking = [...product, "tools/"];
  const links = await search(
    "https://(github.com/[^ ]+/(issues|pull)/|issues\\.chromium)",
    "--",
    ...linking,
  );
  const removals = await search("[Rr]emove (it|this|the|`)[^.]* when ", "--", ...linking);
  const reports = await search("^ \\* (Reports?:|No report:)", "--", folder);
  const workarounds = (await filesOf(project)).filter((file) => file.startsWith(folder));
  deepStrictEqual(workarounds.filter((file) => !reports.has(file)), []);
  deepStrictEqual([...workarounds, ...links].filter((file) => !removals.has(file)), []);
});

async function filesOf(folder: string): Promise<string[]> {
  const files = (await runProgram("git", ["ls-files", "*.ts"], { cwd: folder })).trim().split("\n");
  return files.filter((file) => !file.includes("/generated/"));
}

/** Runs Deno once for all files. Deno reads what they import, and runs nothing. */
async function importsOf(files: readonly string[]): Promise<Map<string, string[]>> {
  const entry = `${files.map((file) => `import ${JSON.stringify(join(project, file))};`).join("\n")}\n`;
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(path, entry);
  const config = join(project, "deno.json");
  const text = await runProgram(Deno.execPath(), ["info", "--quiet", "--json", "--config", config, path], {
    cwd: project,
  });
  await Deno.remove(path);
  const { modules }: { modules: readonly Module[] } = JSON.parse(text);
  const graph = new Map<string, string[]>();
  for (const { specifier, dependencies = [] } of modules) {
    const file = below(specifier);
    if (file === undefined) continue;
    const imported = dependencies.flatMap(({ code, type }) => [code?.specifier, type?.specifier]).flatMap((other) =>
      other === undefined ? [] : below(other) ?? []
    );
    graph.set(file, [...new Set(imported)].filter((other) => other !== file));
  }
  return graph;
}

/** Returns the path below the project; `undefined` for a file elsewhere. */
function below(specifier: string): string | undefined {
  if (!specifier.startsWith("file:")) return undefined;
  const path = relative(project, fileURLToPath(specifier));
  return path.startsWith("..") ? undefined : path;
}
