import { basename, join } from "node:path";
import configuration from "../../deno.json" with { type: "json" };

const cli = "protobufjs-cli";
/** It takes protobufjs as its peer. */
const imports = { [cli]: configuration.imports[cli], protobufjs: configuration.imports.protobufjs };

/**
 * JavaScript and its types for the messages of some schemas, as `{ [path]: text }`. protobufjs-cli finds its parts by
 * walking node_modules, so it runs in a folder of its own that has one, with what the project's lock says of it.
 * @param path where the module goes, without extension
 * @param namespace keeps this module's messages apart from those of others in the same process
 */
export async function staticModule(
  root: string,
  path: string,
  namespace: string,
  schemas: readonly string[],
): Promise<Record<string, string>> {
  const folder = await Deno.makeTempDir({ prefix: "protobuf-" });
  try {
    // Deno leaves in it what these imports need, at the same versions.
    await Deno.copyFile(join(root, "deno.lock"), join(folder, "deno.lock"));
    await Deno.writeTextFile(
      join(folder, "deno.json"),
      JSON.stringify({ nodeModulesDir: "auto", imports }),
    );
    const script = join(folder, "protobuf.js");
    const types = join(folder, "protobuf.d.ts");
    await run(folder, "pbjs", [
      ...["--target", "static-module", "--wrap", "esm", "--dependency", "protobufjs/minimal.js", "--force-long"],
      ...["--no-create", "--no-verify", "--no-convert", "--no-delimited", "--no-typeurl", "--no-service"],
      ...["--root", namespace, "--path", join(root, "proto"), "--out", script],
      ...schemas.map((schema) => join(root, "proto", schema)),
    ]);
    await run(folder, "pbts", ["--out", types, script]);
    return {
      [`${path}.js`]: `// @ts-self-types="./${basename(path)}.d.ts"\n${await Deno.readTextFile(script)}`,
      [`${path}.d.ts`]: await Deno.readTextFile(types),
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
