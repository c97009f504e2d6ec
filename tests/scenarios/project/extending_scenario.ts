/**
 * The patches beside docs/extending.md, each in a copy of this tree: it type-checks, its tests pass, and an event
 * passes through real servers. `CASINO_PATCHES=1 deno test -A tests/scenarios/project/extending_scenario.ts` rewrites
 * the patches to fit the last commit.
 */
import { deepStrictEqual, match, partialDeepStrictEqual, strictEqual } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { dirname, join } from "node:path";
import { Members } from "../../../tools/demo/members.ts";
import { endOf, runProgram } from "../../../tools/run_program.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { project, withWorld, type World } from "../../harness/world.ts";
import { copyProject } from "../../harness/temporary.ts";

type Row = Record<string, unknown>;

interface Example {
  /** The most files that the document promises, tests and migration included. */
  readonly mostFiles?: number;
  /** The tests that the patch touches, and those that hold it to the rest of the project. */
  readonly tests: readonly string[];
  /** A file of the patch, and what `deno check` reports without it. */
  readonly forgotten?: { readonly file: string; readonly says: RegExp };
  /** Runs after the tables are created and before the event is published. */
  readonly prepare?: (world: World) => Promise<unknown>;
  /** Fields of the published event, as in NDJSON. */
  readonly event: Row;
  readonly line: Row;
  readonly row: Row;
  /** Reads the rows; from Postgres by default. */
  readonly rows?: () => Row[];
}

const migrates = ["tools/migrate", "tests/integration/store_test.ts"];

const examples: Readonly<Record<string, Example>> = {
  withdrawal: {
    mostFiles: 6,
    tests: ["shared/event", "subscriber/pipeline/steps", ...migrates],
    forgotten: { file: "subscriber/pipeline/steps/describe_test.ts", says: /Property 'withdrawal' is missing/ },
    event: { type: "withdrawal", amount: 10_705, currency: "USD" },
    line: {
      type: "withdrawal",
      amount_eur: 10_000,
      description: "Player #11 (jane@example.com) withdrew 107.05 USD (100 EUR) on February 2nd, 2022 at 23:45 UTC.",
    },
    row: { type: "withdrawal", amount: "10705", amount_eur: "10000" },
  },
  country: {
    mostFiles: 5,
    tests: ["subscriber/enriched", "subscriber/pipeline/steps", ...migrates],
    forgotten: { file: "subscriber/pipeline/steps/steps.ts", says: /addedByNoStep: "country"/ },
    prepare: (world) => world.sql.query("update players set country = 'MT' where id = 11"),
    event: { type: "deposit", amount: 500, currency: "EUR" },
    line: { player: { email: "jane@example.com", country: "Malta" } },
    row: { player_country: "Malta" },
  },
  field: {
    tests: ["shared/event", "subscriber/enriched", ...migrates],
    event: { type: "deposit", amount: 500, currency: "EUR", device: "phone" },
    line: { device: "phone" },
    row: { device: "phone" },
  },
  currency: {
    tests: ["shared/event/money_test.ts", "rates-api/quotes_test.ts"],
    event: { type: "deposit", amount: 150_000_000, currency: "LTC" },
    line: { amount: 150_000_000, currency: "LTC", amount_eur: 10_345 },
    row: { currency: "LTC", rate: "0.0145", amount_eur: "10345" },
  },
  store: {
    tests: ["subscriber/store/sqlite_store_test.ts"],
    event: { type: "deposit", amount: 500, currency: "EUR" },
    line: { amount_eur: 500 },
    row: { type: "deposit", amount_eur: 500, player_email: "jane@example.com" },
    rows() {
      using database = new DatabaseSync(join(copy, "events.sqlite"), { readOnly: true });
      return database.prepare("select * from events").all();
    },
  },
};

const patches = join(project, "docs/extending");
const patchOf = (name: string) => join(patches, `${name}.patch`);
/** A copy of the working tree. All examples share it, so that type checks of unchanged files are quick. */
let copy = "";

Deno.test.beforeAll(async () => {
  if (Deno.env.has("CASINO_PATCHES")) await refreshPatches();
  copy = await Deno.makeTempDir({ prefix: "casino-extending-" });
  await copyProject(copy);
});

Deno.test.afterAll(() => Deno.remove(copy, { recursive: true }));

Deno.test("docs/extending.md compiles and names each patch, which touches no more files than it says", async () => {
  const files = Array.from(Deno.readDirSync(patches), ({ name }) => name).sort();
  deepStrictEqual(files, Object.keys(examples).map((name) => `${name}.patch`).sort());
  const path = join(project, "docs/extending.md");
  await runProgram(Deno.execPath(), ["check", "--quiet", "--doc-only", path], { cwd: project });
  const page = await Deno.readTextFile(path);
  for (const [name, { mostFiles = Infinity }] of Object.entries(examples)) {
    strictEqual(page.includes(`extending/${name}.patch`), true, name);
    const touched = (await Deno.readTextFile(patchOf(name))).match(/^diff --git /gm)!.length;
    strictEqual(touched <= mostFiles, true, `${name}.patch touches ${touched} files`);
  }
});

for (const [name, { tests, forgotten, ...example }] of Object.entries(examples)) {
  if (forgotten) {
    Deno.test(`${name}.patch without ${forgotten.file} does not compile`, async () => {
      await withPatch(name, [`--exclude=${forgotten.file}`], async () => {
        match((await endOf(Deno.execPath(), ["check", "--quiet", "."], inCopy())).output, forgotten.says);
      });
    });
  }

  Deno.test(`${name}.patch compiles, passes its tests, and an event passes through real servers`, async () => {
    await withPatch(name, [], async () => {
      await runProgram(Deno.execPath(), ["check", "--quiet", "."], inCopy());
      await runProgram(Deno.execPath(), ["test", "--quiet", "--no-check", "--allow-net", ...tests], inCopy());
      await throughServers(example);
    });
  });
}

function inCopy() {
  // In a subfolder of another repository git applies nothing and reports nothing, wherever the temporary folder is.
  return { cwd: copy, env: { NO_COLOR: "1", GIT_CEILING_DIRECTORIES: dirname(copy) } };
}

async function withPatch(name: string, options: readonly string[], use: () => Promise<void>): Promise<void> {
  const { success, output } = await endOf("git", ["apply", ...options, patchOf(name)], inCopy());
  if (!success) {
    throw new Error(
      `docs/extending/${name}.patch no longer applies: edit it, or commit your change and write all patches again by\n` +
        `CASINO_PATCHES=1 deno test -A tests/scenarios/project/extending_scenario.ts\n${output}`,
    );
  }
  try {
    await use();
  } finally {
    await runProgram("git", ["apply", "--reverse", ...options, patchOf(name)], inCopy());
  }
}

async function throughServers(
  { prepare, event, line, row, rows }: Omit<Example, "tests" | "forgotten">,
): Promise<void> {
  await withWorld(async (world) => {
    const tree = world.withMembers(new Members(copy));
    await tree.members.runToEnd("migrate", [], tree.env);
    await prepare?.(world);
    await tree.startRatesApi();
    const lines: Row[] = [];
    await tree.startSubscriber("s", {}, { onLine: (text) => lines.push(JSON.parse(text)) });
    const input = join(copy, "event.ndjson");
    await Deno.writeTextFile(
      input,
      JSON.stringify({ id: 1, player_id: 11, created_at: "2022-02-02T23:45:00Z", ...event }),
    );
    await tree.publish("--input", input);
    partialDeepStrictEqual(await eventually("the line", () => lines[0]), line);
    partialDeepStrictEqual((rows?.() ?? await world.sql.query<Row>("select * from events"))[0], row);
  });
}

/** Lets git move each patch to the present lines. Fails when git cannot, and a person must edit the patch. */
async function refreshPatches(): Promise<void> {
  const tree = await Deno.makeTempDir({ prefix: "casino-patches-" });
  const git = (...args: string[]) => runProgram("git", args, { cwd: tree });
  await runProgram("git", ["worktree", "add", "--detach", tree, "HEAD"], { cwd: project });
  try {
    for (const name of Object.keys(examples)) {
      await git("apply", "--3way", patchOf(name));
      const patch = await git("diff", "--cached", "--unified=1", "HEAD");
      await Deno.writeTextFile(patchOf(name), patch.replace(addedMigration, withoutLineBefore));
      await git("reset", "--quiet", "--hard", "HEAD");
    }
  } finally {
    await runProgram("git", ["worktree", "remove", "--force", tree], { cwd: project });
  }
}

/**
 * The new line at the end of the catalogue. Without the previous line as context, the hunk fits after any other one.
 */
const addedMigration = /^@@ -(\d+),2 \+\d+,3 @@.*\n .*\n(\+.*\/migrations\/.*\n \]\);\n)/m;

function withoutLineBefore(_hunk: string, line: string, rest: string): string {
  return `@@ -${Number(line) + 1} +${Number(line) + 1},2 @@\n${rest}`;
}
