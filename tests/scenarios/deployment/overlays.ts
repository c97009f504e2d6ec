/** deploy/kubernetes, rendered once for each overlay, and the Secrets that docs/kubernetes.md names. */
import { join } from "node:path";
import { render } from "../../../dev/programs/programs.ts";
import type { Manifest } from "../../../dev/kubernetes/manifest.ts";
import { TemporaryFolder } from "../../harness/temporary.ts";
import { project } from "../../harness/world.ts";

export const overlays = ["development", "production", "external"] as const;
export type Overlay = (typeof overlays)[number];

const rendered = new Map<Overlay, Promise<Manifest[]>>();

/** Returns a copy, which the caller may change. */
export async function overlay(name: Overlay): Promise<Manifest[]> {
  if (!rendered.has(name)) rendered.set(name, render(join(project, "deploy/kubernetes/overlays", name)));
  return structuredClone(await rendered.get(name)!);
}

/** kustomize follows paths within a folder that it is given; a component is named from beside the overlay. */
export async function overlayWith(name: Overlay, component: string): Promise<Manifest[]> {
  await using beside = await TemporaryFolder.make("test-", join(project, "deploy/kubernetes/overlays"));
  const text = `resources: [../${name}]\ncomponents: [../../components/${component}]\n`;
  await beside.write("kustomization.yaml", text);
  return await render(beside.path);
}

/** A section of docs/kubernetes.md, without its title. */
export async function documented(title: string): Promise<string> {
  const text = await Deno.readTextFile(join(project, "docs/kubernetes.md"));
  return text.split(`\n## ${title}\n`)[1]!.split("\n## ")[0]!;
}

/** Returns the cells of a section's tables, row by row, without the titles. */
export async function documentedRows(title: string): Promise<string[][]> {
  const lines = (await documented(title)).split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** Returns the texts between backticks. */
export function codeIn(text = ""): string[] {
  return Array.from(text.matchAll(/`([^`]+)`/g), ([, code]) => code!);
}

/** Returns the keys of each Secret of the overlay. Lists that begin with their overlays have names, then keys. */
export async function documentedSecrets(name: Overlay): Promise<Map<string, string[]>> {
  const lines = (await documented("Secrets")).replaceAll("\n  ", " ").split("\n");
  const secrets = new Map<string, string[]>();
  let isMeant = false;
  for (const line of lines) {
    if (/^In .*:$/.test(line)) isMeant = codeIn(line).includes(name);
    if (!isMeant || !line.startsWith("- ")) continue;
    const [names, keys] = line.split(": ");
    for (const secret of codeIn(names)) secrets.set(secret, codeIn(keys));
  }
  return secrets;
}
