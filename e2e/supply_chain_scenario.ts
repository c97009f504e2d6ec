/** What the project is built from is what deno.lock says, and runs nothing as it is installed. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { lockedPackages } from "../tools/sbom/lock.ts";
import { project } from "./harness/world.ts";

const lock = await Deno.readTextFile(join(project, "deno.lock"));
const config = JSON.parse(await Deno.readTextFile(join(project, "deno.json")));

Deno.test("the lock is frozen: a package that it does not have is not loaded", async () => {
  const folder = await Deno.makeTempDir({ prefix: "casino-lock-" });
  try {
    const { imports, lock: rule } = config;
    strictEqual(rule.frozen, true);
    const own = { imports: { long: imports["long"] }, lock: rule, nodeModulesDir: "none" };
    await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify(own));
    await Deno.writeTextFile(join(folder, "main.ts"), 'import Long from "long";\nconsole.log(String(Long.ONE));');
    const run = async (text: string) => {
      await Deno.writeTextFile(join(folder, "deno.lock"), text);
      const { success, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-check", "main.ts"],
        cwd: folder,
        env: { NO_COLOR: "1" },
      }).output();
      return { success, said: new TextDecoder().decode(stderr) };
    };
    const { version, specifiers, npm } = JSON.parse(lock);
    const pinned = Object.entries(npm).filter(([name]) => imports["long"] === `npm:${name}`);
    const whole = {
      version,
      specifiers: { [imports["long"]]: specifiers[imports["long"]] },
      npm: Object.fromEntries(pinned),
      workspace: { dependencies: [imports["long"]] },
    };
    deepStrictEqual(await run(JSON.stringify(whole)), { success: true, said: "" });

    const without = await run(JSON.stringify({ version, specifiers: {}, npm: {} }));
    strictEqual(without.success, false);
    match(without.said, /lockfile is out of date/i);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("no package runs a script when it is installed: each that has one is denied", () => {
  const withScripts = lockedPackages(lock).filter(({ hasScripts }) => hasScripts).map(({ name }) => name);
  strictEqual(withScripts.length > 0, true);
  const denied: string[] = config.allowScripts.deny;
  deepStrictEqual([...new Set(withScripts)].filter((name) => !denied.includes(`npm:${name}`)), []);
  deepStrictEqual(Object.keys(config.allowScripts), ["deny"]);
});

Deno.test("every import is pinned to one version", () => {
  for (const [name, target] of Object.entries<string>(config.imports)) {
    if (target.startsWith("npm:")) match(target, /^npm:\/?(@[\w.\-]+\/)?[\w.\-]+@\d+\.\d+\.\d+(\/[\w./]*)?$/, name);
  }
});
