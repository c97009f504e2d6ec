/** What the project is built from is what deno.lock says, and runs nothing as it is installed. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { lockedPackages } from "../../../dev/sbom/lock.ts";
import { endOf, runProgram } from "../../../tools/run_program.ts";
import { OtherRegistry } from "./other_registry.ts";
import { project } from "../../harness/world.ts";

const read = (path: string) => Deno.readTextFileSync(join(project, path));
const lock = read("deno.lock");
const config = JSON.parse(read("deno.json"));
/** Each with a lock of its own. */
const configurations = [
  { name: "the workspace", config, lock },
  {
    name: "dev/programs",
    config: JSON.parse(read("dev/programs/deno.json")),
    lock: read("dev/programs/deno.lock"),
  },
];
/** One of ours that needs no other. */
const name = "long";
const specifier: string = config.imports[name];
const version = specifier.split("@").at(-1)!;

Deno.test("the lock is frozen: a package that it does not have is not loaded", async () => {
  await using small = await Small.make();
  deepStrictEqual(await small.run(small.lock), { success: true, said: "" });

  const without = await small.run({ version: small.lock.version, specifiers: {}, npm: {} });
  strictEqual(without.success, false);
  match(without.said, /lockfile is out of date/i);
});

Deno.test("a package with another hash than the lock's is not loaded, whatever the registry says of it", async () => {
  await using small = await Small.make();
  await using registry = await OtherRegistry.serve(small.folder, name, version);
  const ask = async (integrity: string) => {
    const npm = { [`${name}@${version}`]: { integrity, tarball: registry.tarball } };
    // What a cache has was compared when it was fetched.
    const DENO_DIR = await Deno.makeTempDir({ dir: small.folder });
    return await small.run({ ...small.lock, npm }, { DENO_DIR, NPM_CONFIG_REGISTRY: registry.url });
  };
  strictEqual((await ask(registry.integrity)).success, true);
  // The lock as it is, to which this package is a stranger; and one that was changed.
  const changed = registry.integrity.replace(/-./, (start) => start === "-A" ? "-B" : "-A");
  for (const integrity of [small.lock.npm[`${name}@${version}`].integrity, changed]) {
    const { success, said } = await ask(integrity);
    strictEqual(success, false);
    match(said, /checksum did not match/);
    ok(said.includes(integrity.slice("sha512-".length)), said);
  }
});

for (const { name, config, lock } of configurations) {
  Deno.test(`${name}: its lock is frozen, and no package runs a script when it is installed: each that has one is denied`, () => {
    strictEqual(config.lock.frozen, true);
    const packages = [...lockedPackages(lock).values()];
    const withScripts = packages.filter(({ hasScripts }) => hasScripts).map(({ name }) => name);
    strictEqual(withScripts.length > 0, true);
    const denied: string[] = config.allowScripts.deny;
    deepStrictEqual([...new Set(withScripts)].filter((name) => !denied.includes(`npm:${name}`)), []);
    deepStrictEqual(Object.keys(config.allowScripts), ["deny"]);
  });

  Deno.test(`${name}: every import is pinned to one version`, () => {
    for (const [name, target] of Object.entries<string>(config.imports)) {
      if (target.startsWith("npm:")) match(target, /^npm:\/?(@[\w.\-]+\/)?[\w.\-]+@\d+\.\d+\.\d+(\/[\w./]*)?$/, name);
    }
  });
}

Deno.test("versions of packages stand in a deno.json alone, where updates are proposed from", async () => {
  const files = await runProgram("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.ts"], {
    cwd: project,
  });
  // Tests of tools make up locks of their own.
  const own = files.trim().split("\n").filter((path) => !/^(?:tools|dev)\/.*_test\.ts$/.test(path));
  const pinned = own.flatMap((path) => {
    const text = Deno.readTextFileSync(join(project, path));
    return Array.from(
      text.matchAll(/npm:\/?(?:@[\w-]+\/)?[\w.-]+@\d[\w.-]*/g),
      ([specifier]) => `${path}: ${specifier}`,
    );
  });
  deepStrictEqual(pinned, []);
});

/** A project with one of our packages, and what deno.lock says of that. */
class Small implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  static async make(): Promise<Small> {
    const folder = await Deno.makeTempDir({ prefix: "casino-lock-" });
    strictEqual(config.lock.frozen, true);
    const own = { imports: { [name]: specifier }, lock: config.lock, nodeModulesDir: "none" };
    await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify(own));
    await Deno.writeTextFile(join(folder, "main.ts"), `import Long from "${name}";\nconsole.log(String(Long.ONE));`);
    return new Small(folder);
  }

  get lock() {
    const { version: format, specifiers, npm } = JSON.parse(lock);
    const id = `${name}@${version}`;
    return {
      version: format,
      specifiers: { [specifier]: specifiers[specifier] },
      npm: { [id]: npm[id] },
      workspace: { dependencies: [specifier] },
    };
  }

  async run(lock: object, env: Record<string, string> = {}): Promise<{ success: boolean; said: string }> {
    await Deno.writeTextFile(join(this.folder, "deno.lock"), JSON.stringify(lock));
    const { success, stderr } = await endOf(Deno.execPath(), ["run", "--no-check", "main.ts"], {
      cwd: this.folder,
      env: { NO_COLOR: "1", ...env },
    });
    return { success, said: stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
