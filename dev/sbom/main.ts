/** `deno task sbom`: the bill of materials in CycloneDX 1.6: cyclonedx.org/docs/1.6/json */
import { closure, isAllowed, licenceOf, type LockedPackage, lockedPackages, split } from "./packages.ts";
import { join } from "node:path";
import { runCommand, version } from "../../shared/runtime/configuration/command.ts";
import { runProgram } from "../../tools/run_program.ts";

/** A package, with facts beyond those in the lock. */
interface Component extends LockedPackage {
  /** SPDX id or expression. */
  readonly licence: string;
  /** The members that load it; empty if it is used only to build and test. */
  readonly shippedBy: readonly string[];
}

interface Product {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** Its direct imports, by `name@version`. */
  readonly imports: readonly string[];
  /** Version of Deno, the runtime of all packages. */
  readonly deno: string;
}

/** The same packages give the same bytes: the document has neither a serial number nor a timestamp. */
export function billOfMaterials(product: Product, packages: readonly Component[]) {
  const { name, version, licence, imports, deno } = product;
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: { "type": "application", "bom-ref": name, name, version, "licenses": licensesOf(licence) } },
    components: [denoOf(deno), ...packages.map(componentOf)],
    dependencies: [
      { ref: name, dependsOn: [...imports.map(purlOf), denoRef(deno)].sort() },
      ...packages.map((each) => ({
        ref: purlOf(`${each.name}@${each.version}`),
        dependsOn: each.dependencies.map(purlOf).sort(),
      })),
    ],
  };
}

const denoRef = (version: string) => `pkg:github/denoland/deno@v${version}`;

function denoOf(version: string) {
  const purl = denoRef(version);
  return {
    ...{ "type": "platform", "bom-ref": purl, "name": "deno", version, "scope": "required" },
    ...{ "licenses": licensesOf("MIT"), purl },
  };
}

/** Package URL: github.com/package-url/purl-spec, type npm. @param id `name@version` */
export function purlOf(id: string): string {
  const at = id.lastIndexOf("@");
  return `pkg:npm/${id.slice(0, at).replace("@", "%40")}@${encodeURIComponent(id.slice(at + 1))}`;
}

function componentOf({ name, version, hash, licence, shippedBy }: Component) {
  const purl = purlOf(`${name}@${version}`);
  const [scope, own] = name.startsWith("@") ? name.split("/") : [undefined, name];
  return {
    "type": "library",
    "bom-ref": purl,
    ...(scope && { group: scope }),
    "name": own,
    version,
    // CycloneDX: `excluded` marks components that build or test the product, and are not delivered.
    "scope": shippedBy.length > 0 ? "required" : "excluded",
    "hashes": [{ alg: "SHA-512", content: hash }],
    "licenses": licensesOf(licence),
    purl,
    ...(shippedBy.length > 0 && {
      properties: shippedBy.map((member) => ({ name: "casino-events:shipped-by", value: member })),
    }),
  };
}

type Licenses = readonly ({ readonly expression: string } | { readonly license: { readonly id: string } })[];

/**
 * Returns the licences in a bill of materials, by the packages' hashes.
 * @param text a bill of materials, or an empty text
 */
export function licencesIn(text: string): Map<string, string> {
  interface Written {
    readonly hashes?: readonly { readonly content: string }[];
    readonly licenses: Licenses;
  }
  const { components = [] }: { components?: readonly Written[] } = JSON.parse(text || "{}");
  return new Map(
    components.flatMap(({ hashes = [], licenses: [licence] }) =>
      hashes.map(({ content }) => [content, "expression" in licence! ? licence.expression : licence!.license.id])
    ),
  );
}

function licensesOf(licence: string): Licenses {
  return /[ ()]/.test(licence) ? [{ expression: licence }] : [{ license: { id: licence } }];
}

const root = join(import.meta.dirname!, "../..");
const path = join(root, "sbom.cdx.json");

if (import.meta.main) {
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
      (await cachedPrograms()).map(async ([member, files]) => {
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
}

/** Returns the files that the Dockerfile caches for each image: its programs. */
async function cachedPrograms(): Promise<[member: string, files: string[]][]> {
  return Array.from(
    (await Deno.readTextFile(join(root, "Dockerfile")))
      .matchAll(/ AS ([\w-]+)-build$(?:(?! AS ).)*?"cache", "--frozen", ([^\]]+)\]/gms),
    ([, member = "", files]): [string, string[]] => [member, JSON.parse(`[${files}]`)],
  );
}

/** Returns the npm packages that the program's modules import, by `name@version`. */
async function packagesOf(program: string): Promise<string[]> {
  const { modules } = await info<{ modules: readonly { readonly npmPackage?: string }[] }>(program);
  return modules.flatMap(({ npmPackage }) => npmPackage === undefined ? [] : [idOf(npmPackage)]);
}

/** Returns the direct imports of a configuration, by `name@version`. */
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
