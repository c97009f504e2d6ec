/** `deno task ok` and `deno task test`. */
import { join } from "node:path";
import { runCommand, UsageError } from "../../shared/command.ts";
import { readConfig } from "../../shared/config.ts";
import { up } from "../../tools/services/up.ts";
import { runGate, wrongDeno } from "./gate.ts";

await runCommand({
  name: "deno task ok",
  summary: "The gate: format, lint, schemas, generated code, types, and all tests, which need the servers.\n" +
    "deno task test is the same, and brings the servers up before.",
  flags: { up: { help: "bring the servers up first, as deno task up does" } },
  settings: [],
  examples: ["deno task ok", "deno task test"],
}, async ({ flags }) => {
  const problem = wrongDeno();
  if (problem) throw new UsageError(problem);
  if (flags.up) {
    const project = join(import.meta.dirname!, "../..");
    // The tests look for the servers at the default addresses, and nowhere else.
    const config = readConfig(["RABBITMQ_URL", "REDIS_URL", "DATABASE_URL"], () => undefined);
    await up({ config, project, say: console.log });
  }
  return await runGate();
});
