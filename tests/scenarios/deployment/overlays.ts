/** deploy/kubernetes, rendered once for each overlay, and the Secrets that docs/kubernetes.md asks for. */
import { join } from "node:path";
import { render } from "../../../dev/kubernetes/kustomize.ts";
import type { Manifest } from "../../../dev/kubernetes/manifest.ts";
import { project } from "../../harness/world.ts";

export const overlays = ["development", "production", "external"] as const;
export type Overlay = (typeof overlays)[number];

const rendered = new Map<Overlay, Promise<Manifest[]>>();

/** A copy of its own, to be changed at will. */
export async function overlay(name: Overlay): Promise<Manifest[]> {
  if (!rendered.has(name)) rendered.set(name, render(join(project, "deploy/kubernetes/overlays", name)));
  return structuredClone(await rendered.get(name)!);
}

/** The table of Secrets: name, keys, what, for which overlays. */
export async function documentedSecrets(name: Overlay): Promise<Map<string, string[]>> {
  const text = await Deno.readTextFile(join(project, "docs/kubernetes.md"));
  const words = (cell = "") => Array.from(cell.matchAll(/`([^`]+)`/g), ([, word]) => word!);
  const rows = text.slice(text.indexOf("## Secrets")).split("\n").filter((line) => line.startsWith("| `"));
  return new Map(
    rows.map((line) => line.split("|").slice(1, -1))
      .filter((cells) => words(cells.at(-1)).includes(name))
      .map(([secret, keys]) => [words(secret)[0]!, words(keys)]),
  );
}
