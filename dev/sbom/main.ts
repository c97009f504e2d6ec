/** `deno task sbom` */
import { join } from "node:path";
import { runCommand, version } from "../../shared/runtime/configuration/command.ts";
import { runProgram } from "../../tools/run_program.ts";
import { billOfMaterials, licencesIn } from "./bom.ts";
import { closure, isAllowed, licenceOf, lockedPackages, split } from "./packages.ts";

const root = join(import.meta.dirname!, "../..");
const path = join(root, "sbom.cdx.json");

/** The files that the Dockerfile caches for each image: its programs. */
const programs = Array.from(
  (await Deno.readTextFile(join(root, "Dockerfile")))
    .matchAll(/ AS ([\w-]+)-build$(?:(?! AS ).)*?"cache", "--frozen", ([^\]]+)\]/gms),
  ([, member = "", files]): [string, string[]] => [member, JSON.parse(`[${files}]`)],
);

await runCommand({
  name: "deno task sbom",
  summary:
    "Writes sbom.cdx.json: Deno and every package that our locks pin, with its hash, its licence and the members that\n" +
    "ship it, as CycloneDX 1.6; what no member ships is `excluded`.\n" +
    "A package under a licence that dev/sbom/packages.ts does not allow is named, and the exit status is 1.",
  flags: { check: { help: "write nothing; say whether the file is what would be written" } },
  settings: [],
  examples: ["deno task sbom", "deno task sbom --check"],
}, async ({ flags }) => {
  const locks = await Promise.all(
    ["deno.lock", "dev/programs/deno.lock"].map((path) => Deno.readTextFile(join(root, path))),
  );
  const packages = new Map(locks.flatMap((lock) => [...lockedPackages(lock)]));
  const present = await Deno.readTextFile(path).catch(() => "");
  const known = licencesIn(present);
  const { npmCache } = await info<{ npmCache: string }>();
  const shipped = await Promise.all(
    programs.map(async ([member, files]) => {
      const loaded = (await Promise.all(files.map(packagesOf))).flat();
      return { member, ids: closure(loaded, packages) };
    }),
  );
  const components = await Promise.all(Array.from(packages, async ([id, each]) => ({
    ...each,
    licence: await licenceOf(each, npmCache, known),
    shippedBy: shipped.filter(({ ids }) => ids.has(id)).map(({ member }) => member),
  })));
  const product = {
    name: "casino-events",
    version,
    licence: "MIT",
    deno: Deno.version.deno,
    imports: locks.flatMap(importsOf),
  };
  const text = `${JSON.stringify(billOfMaterials(product, components), null, 2)}\n`;

  const refused = components.filter(({ licence }) => !isAllowed(licence));
  for (const { name, version, licence } of refused) {
    console.error(`${name}@${version} is under ${licence}, which is not allowed.`);
  }
  if (!flags.check) {
    await Deno.writeTextFile(path, text);
    console.log(
      `${components.length} packages, ${components.filter((each) => each.shippedBy.length > 0).length} shipped`,
    );
  } else if (text !== present) {
    console.error("sbom.cdx.json is not what the locks say: deno task sbom, and commit it.");
    return 1;
  }
  return refused.length === 0 ? 0 : 1;
});

/** The npm packages that the program's modules import, by `name@version`. */
async function packagesOf(program: string): Promise<string[]> {
  const { modules } = await info<{ modules: readonly { readonly npmPackage?: string }[] }>(program);
  return modules.flatMap(({ npmPackage }) => npmPackage === undefined ? [] : [idOf(npmPackage)]);
}

/** The direct imports of a configuration, by `name@version`. */
function importsOf(lock: string): string[] {
  const { workspace } = JSON.parse(lock) as { workspace: { dependencies: readonly string[] } };
  return workspace.dependencies.map((specifier) => idOf(specifier.slice("npm:".length)));
}

function idOf(key: string): string {
  const { name, version } = split(key);
  return `${name}@${version}`;
}

async function info<T>(...args: string[]): Promise<T> {
  return JSON.parse(await runProgram(Deno.execPath(), ["info", "--json", ...args], { cwd: root }));
}
