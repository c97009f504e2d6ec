/**
 * Run while an image is built: `reduce.ts LIST` leaves in deno.json and deno.lock what LIST, one of the files beside this,
 * imports and what that depends on, with the versions and checksums of the lock. Deno installs all that a lock names: the
 * browser driver of the tests, a Postgres and more, over 200 MB that no member runs.
 */

interface Configuration {
  imports: Record<string, string>;
  readonly [key: string]: unknown;
}

interface Lock {
  specifiers: Record<string, string>;
  npm: Record<string, Package>;
  workspace: { dependencies: string[] };
  readonly [key: string]: unknown;
}

interface Package {
  readonly dependencies?: readonly string[];
  readonly optionalDependencies?: readonly string[];
  readonly optionalPeers?: readonly string[];
  readonly [key: string]: unknown;
}

/**
 * The names, as the import map has them, of the packages that a file imports, and of those that have the types of one: of
 * `hono/streaming` it is `hono`.
 */
export function importedNames(source: string): Set<string> {
  const specifiers = Array.from(
    source.matchAll(/^(?:import |\/\/ @ts-types=)"([^"]+)"/gm),
    ([, specifier]) => specifier!,
  );
  return new Set(
    specifiers.map((specifier) => specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/")),
  );
}

export function reduceConfiguration(configuration: Configuration, names: ReadonlySet<string>): Configuration {
  const { imports, ...rest } = configuration;
  const kept = Object.entries(imports).filter(([key, target]) =>
    !target.startsWith("npm:") || names.has(key.replace(/\/$/, "")) || names.has(key.split("/")[0]!)
  );
  return { ...rest, imports: Object.fromEntries(kept) };
}

/** @throws {Error} when the lock lacks what is named */
export function reduceLock(lock: Lock, imports: Readonly<Record<string, string>>): Lock {
  const wanted = new Set(
    Object.values(imports).filter((target) => target.startsWith("npm:")).map((target) =>
      /^npm:\/?((?:@[^/]+\/)?[^/]+)/.exec(target)![1]!
    ),
  );
  const npm: Record<string, Package> = {};
  const waiting = [...wanted];
  for (let named = waiting.pop(); named !== undefined; named = waiting.pop()) {
    const id = idOf(named, lock.npm);
    if (npm[id]) continue;
    const found = npm[id] = lock.npm[id]!;
    waiting.push(...found.dependencies ?? [], ...found.optionalDependencies ?? []);
  }
  const dependencies = Array.from(wanted, (name) => `npm:${name}`).sort();
  return {
    ...lock,
    specifiers: Object.fromEntries(dependencies.map((specifier) => [specifier, lock.specifiers[specifier]!])),
    npm: Object.fromEntries(Object.keys(lock.npm).filter((id) => npm[id]).map((id) => [id, npm[id]!])),
    workspace: { dependencies },
  };
}

/** A lock names a dependency without its version while there is only one of it. */
function idOf(named: string, npm: Lock["npm"]): string {
  if (npm[named]) return named;
  const id = Object.keys(npm).find((id) => id.startsWith(`${named}@`) || id.startsWith(`${named}_`));
  if (id === undefined) throw new Error(`deno.lock has no ${named}`);
  return id;
}

if (import.meta.main) {
  const [list = ""] = Deno.args;
  const names = importedNames(await Deno.readTextFile(list));
  const configuration = reduceConfiguration(JSON.parse(await Deno.readTextFile("deno.json")), names);
  const lock = reduceLock(JSON.parse(await Deno.readTextFile("deno.lock")), configuration.imports);
  await Deno.writeTextFile("deno.json", JSON.stringify(configuration, undefined, 2));
  await Deno.writeTextFile("deno.lock", JSON.stringify(lock, undefined, 2));
}
