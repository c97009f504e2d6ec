/** `deno task migrate`, `migrate:down` and `migrate:status`. */
// Loaded from the start, for the files that import it: what is loaded later needs the permission to be read.
import "nessie";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { plural, printable, printableJson } from "../../shared/runtime/printable.ts";
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";
import { explainConnection } from "../../shared/runtime/server_kind.ts";
import { Session } from "../../shared/postgres/session.ts";
import { orderMigrations } from "./folder.ts";
import {
  type AppliedMigration,
  migrateDown,
  migrateUp,
  type MigratorOptions,
  readHistory,
  untilApplied,
} from "./migrator.ts";
import type { Catalogue } from "./transaction.ts";

/** A statement may rewrite a large table, or build an index on it. */
const longestStatementMs = 24 * 3_600_000;
/** Reading the history takes milliseconds. */
const longestReadMs = 5_000;

await runCommand({
  name: "deno task migrate",
  summary: "Applies, rolls back or lists the database's migrations, the files in migrations/.",
  operands: "<up|down|status>",
  flags: {
    steps: { value: "N", help: "down: roll back the newest N migrations [1]", integer: { min: 1, max: 10_000 } },
    all: { help: "down: roll back all migrations" },
    json: { help: "status: print JSON" },
    wait: {
      value: "SECONDS",
      help: "status: print no list; wait at most SECONDS until all of this version's migrations are applied",
      integer: { min: 1, max: 86_400 },
    },
    folder: { value: "PATH", help: "folder with the migrations [migrations]" },
  },
  settings: ["DATABASE_URL"],
  examples: [
    "deno task migrate",
    "deno task migrate:status --json",
    "deno task migrate:status --wait 300",
    "deno task migrate:down --steps 2",
  ],
}, async ({ flags, operands, config }) => {
  const [action, surplus] = operands;
  if (surplus !== undefined) throw new UsageError(`migrate ${action} takes no operand, but was given "${surplus}"`);
  const folder = flags.folder ?? join(import.meta.dirname!, "../../migrations");
  const catalogue = await readFolder(folder);
  const timeoutMs = action === "status" ? longestReadMs : longestStatementMs;
  await using sql = new Session(config.DATABASE_URL, { name: "casino-migrate", timeoutMs });
  const options = { sql, catalogue, clock, say: console.log };
  try {
    switch (action) {
      case "up": {
        const applied = await migrateUp(options);
        console.log(applied.length === 0 ? "The database is up to date." : `Applied ${countOf(applied)}.`);
        return 0;
      }
      case "down": {
        const undone = await migrateDown(options, flags.all ? Infinity : flags.steps ?? 1);
        console.log(
          undone.length === 0 ? "No migration is applied: nothing to roll back." : `Rolled back ${countOf(undone)}.`,
        );
        return 0;
      }
      case "status":
        if (flags.wait !== undefined) return await waitFor(options, flags.wait);
        printStatus(catalogue, await readHistory(sql), flags.json);
        return 0;
      default:
        throw new UsageError(`the action "${action ?? ""}" must be one of up, down, status`);
    }
  } catch (error) {
    throw await explainConnection(error, "Postgres", config.DATABASE_URL);
  }
});

function countOf({ length }: readonly string[]): string {
  return plural(length, "migration");
}

/** @returns the exit status */
async function waitFor(options: MigratorOptions, seconds: number): Promise<number> {
  const obstacle = await untilApplied(options, seconds * 1000);
  if (obstacle === undefined) return 0;
  console.error(`Not all migrations are applied after ${seconds} s: ${obstacle}`);
  return 1;
}

async function readFolder(folder: string): Promise<Catalogue> {
  const files = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  return new Map(orderMigrations(files).map((file) => [file, () => import(pathToFileURL(join(folder, file)).href)]));
}

function printStatus(catalogue: Catalogue, history: readonly AppliedMigration[], json: boolean): void {
  const times = new Map(history.map(({ name, appliedAt }) => [name, appliedAt.toISOString()]));
  const names = [...new Set([...catalogue.keys(), ...times.keys()])].sort();
  const rows = names.map((name) => ({ name, applied_at: times.get(name) ?? null, file: catalogue.has(name) }));
  if (json) return console.log(printableJson(JSON.stringify(rows, null, 2)));
  for (const { name, applied_at, file } of rows) {
    console.log(printable(`${applied_at ?? "pending".padEnd(24)}  ${name}${file ? "" : "  (no file)"}`));
  }
}
