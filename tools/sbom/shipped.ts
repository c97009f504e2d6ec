/** Which packages are in the images: those that the programs in them import, and all that needs. The rest is for building. */

/** Part of what `deno info --json` prints. */
export interface Graph {
  readonly modules: readonly { readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<
    Record<string, { readonly name: string; readonly version: string; readonly dependencies: readonly string[] }>
  >;
}

/** The programs that a Dockerfile caches, from the project's root: what its images can run. */
export function imagePrograms(dockerfile: string): string[] {
  return Array.from(
    dockerfile.matchAll(/^RUN \["\/bin\/deno", "cache", "--frozen", (.*)\]$/gm),
    ([, programs]) => JSON.parse(`[${programs}]`) as string[],
  ).flat();
}

/** @returns `name@version` of each package that the graph's modules reach */
export function shippedPackages({ modules, npmPackages }: Graph): Set<string> {
  const reached = new Set<string>();
  const waiting = modules.flatMap(({ npmPackage }) => npmPackage ?? []);
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (reached.has(id)) continue;
    reached.add(id);
    waiting.push(...npmPackages[id]!.dependencies);
  }
  return new Set(Array.from(reached, (id) => `${npmPackages[id]!.name}@${npmPackages[id]!.version}`));
}

/** What the workspace itself imports, as the lock has it. @returns `name@version` */
export function importedPackages(lock: string): string[] {
  const { workspace } = JSON.parse(lock) as { workspace: { dependencies: readonly string[] } };
  return workspace.dependencies.map((specifier) => specifier.slice("npm:".length));
}
