/** Which packages are in the images: what the lists in tools/images import, and all that needs. The rest is for building. */
import { importedNames, reduceConfiguration, reduceLock } from "../images/reduce.ts";
import { split } from "./lock.ts";

/** @param lists the text of each list @returns `name@version` */
export function shippedPackages(configuration: string, lock: string, lists: readonly string[]): Set<string> {
  const keys = lists.flatMap((list) => {
    const { imports } = reduceConfiguration(JSON.parse(configuration), importedNames(list));
    return Object.keys(reduceLock(JSON.parse(lock), imports).npm);
  });
  return new Set(keys.map(split).map(({ name, version }) => `${name}@${version}`));
}

/** What the workspace itself imports, as the lock has it. @returns `name@version` */
export function importedPackages(lock: string): string[] {
  const { workspace } = JSON.parse(lock) as { workspace: { dependencies: readonly string[] } };
  return workspace.dependencies.map((specifier) => specifier.slice("npm:".length));
}
