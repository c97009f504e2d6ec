/** The project is built from the packages of deno.lock, and no package runs a script when it is installed. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { lockedPackages } from "../../../dev/sbom/packages.ts";
import { endOf, runProgram } from "../../../tools/run_program.ts";
import { project } from "../../harness/world.ts";
import { TemporaryFolder } from "../../harness/temporary.ts";

const read = (path: string) => Deno.readTextFileSync(join(project, path));
const lock = read("deno.lock");
const config = JSON.parse(read("deno.json"));
/** Each configuration has its own lock. */
const configurations = [
  { name: "the workspace", config, lock },
  {
    name: "dev/programs",
    config: JSON.parse(read("dev/programs/deno.json")),
    lock: read("dev/programs/deno.lock"),
  },
];
/** A package without dependencies. */
const name = "long";
const specifier: string = config.imports[name];
const version = specifier.split("@").at(-1)!;

Deno.test("the lock is frozen: a package outside it is not loaded", async () => {
  await using small = await Small.make();
  deepStrictEqual(await small.run(small.lock), { success: true, said: "" });

  const without = await small.run({ version: small.lock.version, specifiers: {}, npm: {} });
  strictEqual(without.success, false);
  match(without.said, /lockfile is out of date/i);
});

Deno.test("a package with another hash than the lock's is not loaded, whatever the registry says", async () => {
  await using small = await Small.make();
  await using registry = await OtherRegistry.serve(small.folder, name, version);
  const ask = async (integrity: string) => {
    const npm = { [`${name}@${version}`]: { integrity, tarball: registry.tarball } };
    // Deno compares hashes when it fetches a package, so each run needs an empty cache.
    const DENO_DIR = await Deno.makeTempDir({ dir: small.folder });
    return await small.run({ ...small.lock, npm }, { DENO_DIR, NPM_CONFIG_REGISTRY: registry.url });
  };
  strictEqual((await ask(registry.integrity)).success, true);
  // The lock as it is, which does not match this package, and a changed lock.
  const changed = registry.integrity.replace(/-./, (start) => start === "-A" ? "-B" : "-A");
  for (const integrity of [small.lock.npm[`${name}@${version}`].integrity, changed]) {
    const { success, said } = await ask(integrity);
    strictEqual(success, false);
    match(said, /checksum did not match/);
    ok(said.includes(integrity.slice("sha512-".length)), said);
  }
});

for (const { name, config, lock } of configurations) {
  Deno.test(`${name}: its lock is frozen, and every install script of a package is denied`, () => {
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

Deno.test("versions of packages stand only in a deno.json, where Renovate finds them", async () => {
  const files = await runProgram("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.ts"], {
    cwd: project,
  });
  // Tests of tools write their own locks.
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

/** A project with one package, and the package's entry of deno.lock. */
class Small implements AsyncDisposable {
  private constructor(private readonly files: TemporaryFolder) {}

  static async make(): Promise<Small> {
    const files = await TemporaryFolder.make("casino-lock-");
    strictEqual(config.lock.frozen, true);
    const own = { imports: { [name]: specifier }, lock: config.lock, nodeModulesDir: "none" };
    await files.write("deno.json", JSON.stringify(own));
    await files.write("main.ts", `import Long from "${name}";\nconsole.log(String(Long.ONE));`);
    return new Small(files);
  }

  get folder(): string {
    return this.files.path;
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
    await this.files.write("deno.lock", JSON.stringify(lock));
    const { success, stderr } = await endOf(Deno.execPath(), ["run", "--no-check", "main.ts"], {
      cwd: this.folder,
      env: { NO_COLOR: "1", ...env },
    });
    return { success, said: stderr };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.files[Symbol.asyncDispose]();
  }
}

/** An npm registry that serves another package under the name and version, with a matching hash. */
class OtherRegistry implements AsyncDisposable {
  private constructor(
    private readonly server: Deno.HttpServer<Deno.NetAddr>,
    /** The hash of the served package. */
    readonly integrity: string,
  ) {}

  /** @param folder where the package is made */
  static async serve(folder: string, name: string, version: string): Promise<OtherRegistry> {
    await Deno.mkdir(join(folder, "package"));
    await Deno.writeTextFile(join(folder, "package/package.json"), JSON.stringify({ name, version, type: "module" }));
    await Deno.writeTextFile(join(folder, "package/index.js"), "export default {};");
    await runProgram("tar", ["-czf", "package.tgz", "package"], { cwd: folder });
    const bytes = await Deno.readFile(join(folder, "package.tgz"));
    const integrity = `sha512-${new Uint8Array(await crypto.subtle.digest("SHA-512", bytes)).toBase64()}`;

    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
      if (url.endsWith(".tgz")) return new Response(bytes);
      const dist = { tarball: new URL("package.tgz", url).href, integrity };
      return Response.json({
        name,
        "dist-tags": { latest: version },
        versions: { [version]: { name, version, dist } },
      });
    });
    return new OtherRegistry(server, integrity);
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.addr.port}/`;
  }

  get tarball(): string {
    return `${this.url}package.tgz`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.shutdown();
  }
}
