/**
 * Generates shared/generated/protobuf.js and its types from the schemas in proto/; `--check` only tells whether they
 * are up to date. protobufjs-cli finds its parts by walking node_modules, so it runs in a folder of its own that has one.
 */
import { join } from "node:path";

const root = join(import.meta.dirname!, "../..");
const target = join(root, "shared/generated");
const schemas = ["proto/casino/events/v1/event.proto", "proto/casino/rates/v1/rates.proto"];
const cli = "npm:protobufjs-cli@2.7.1";

const check = Deno.args.includes("--check");
const generated = await generate();
const stale: string[] = [];
for (const [name, text] of Object.entries(generated)) {
  const path = join(target, name);
  const present = await Deno.readTextFile(path).catch(() => "");
  if (present === text) continue;
  stale.push(name);
  if (!check) await Deno.writeTextFile(path, text);
}
if (check && stale.length > 0) {
  console.error(
    `shared/generated/ is out of date (${stale.join(", ")}): run \`deno task generate\` and commit the result.`,
  );
  Deno.exit(1);
}
console.log(stale.length === 0 ? "Generated code is up to date." : `Generated ${stale.join(", ")}.`);

async function generate(): Promise<Record<string, string>> {
  const folder = await Deno.makeTempDir({ prefix: "protobuf-" });
  try {
    await Deno.writeTextFile(
      join(folder, "deno.json"),
      JSON.stringify({ nodeModulesDir: "auto", imports: { "protobufjs-cli": cli } }),
    );
    const script = join(folder, "protobuf.js");
    const types = join(folder, "protobuf.d.ts");
    await run(folder, "pbjs", [
      ...["--target", "static-module", "--wrap", "esm", "--dependency", "protobufjs/minimal.js", "--force-long"],
      ...["--no-create", "--no-verify", "--no-convert", "--no-delimited", "--no-typeurl", "--no-service"],
      ...["--path", join(root, "proto"), "--out", script, ...schemas.map((schema) => join(root, schema))],
    ]);
    await run(folder, "pbts", ["--out", types, script]);
    return {
      "protobuf.js": `// @ts-self-types="./protobuf.d.ts"\n${await Deno.readTextFile(script)}`,
      "protobuf.d.ts": await Deno.readTextFile(types),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function run(cwd: string, program: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${cli}/${program}`, ...args],
    cwd,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`${program} failed:\n${new TextDecoder().decode(stderr)}`);
}
