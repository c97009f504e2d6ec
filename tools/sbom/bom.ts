/** The bill of materials, as CycloneDX 1.6 has it: cyclonedx.org/docs/1.6/json */
import { Buffer } from "node:buffer";
import { type LockedPackage, split } from "./lock.ts";

/** By `name@version`: SPDX's id or expression. */
export type Licences = ReadonlyMap<string, string>;

interface Product {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** What it imports itself, by `name@version`. */
  readonly imports: readonly string[];
  /** What its images hold, by `name@version`: the rest builds and tests it. */
  readonly shipped: ReadonlySet<string>;
  /** Deno's version, in which all of it runs. */
  readonly deno: string;
}

/**
 * The same packages give the same document, to the byte: it has neither a serial number nor a time.
 * @throws {Error} for a package whose licence is not known
 */
export function billOfMaterials(product: Product, packages: readonly LockedPackage[], licences: Licences) {
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        "type": "application",
        "bom-ref": product.name,
        "name": product.name,
        "version": product.version,
        "licenses": licensesOf(product.licence),
      },
    },
    components: [denoOf(product.deno), ...packages.map((each) => componentOf(each, licences, product.shipped))],
    dependencies: [
      { ref: product.name, dependsOn: refsOf(product.imports, packages).concat(denoRef(product.deno)).sort() },
      ...packages.map((each) => ({ ref: purlOf(each), dependsOn: refsOf(each.dependencies, packages) })),
    ],
  };
}

function refsOf(keys: readonly string[], packages: readonly LockedPackage[]): string[] {
  return [...new Set(keys.map((key) => purlOf(resolve(key, packages))))].sort();
}

const denoRef = (version: string) => `pkg:github/denoland/deno@v${version}`;

function denoOf(version: string) {
  return {
    "type": "platform",
    "bom-ref": denoRef(version),
    "name": "deno",
    version,
    "scope": "required",
    "licenses": licensesOf("MIT"),
    "purl": denoRef(version),
  };
}

/** Package URL: github.com/package-url/purl-spec, type npm. */
export function purlOf({ name, version }: Pick<LockedPackage, "name" | "version">): string {
  return `pkg:npm/${name.replace("@", "%40")}@${encodeURIComponent(version)}`;
}

function componentOf({ name, version, integrity }: LockedPackage, licences: Licences, shipped: ReadonlySet<string>) {
  const licence = licences.get(`${name}@${version}`);
  if (licence === undefined) throw new Error(`The licence of ${name}@${version} is not known.`);
  const purl = purlOf({ name, version });
  const [scope, own] = name.startsWith("@") ? name.split("/") : [undefined, name];
  return {
    "type": "library",
    "bom-ref": purl,
    ...(scope && { group: scope }),
    "name": own,
    version,
    // CycloneDX: `excluded` is for what is used to build or test, and not delivered.
    "scope": shipped.has(`${name}@${version}`) ? "required" : "excluded",
    "hashes": [{ alg: "SHA-512", content: Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex") }],
    "licenses": licensesOf(licence),
    purl,
  };
}

function licensesOf(licence: string) {
  return /[ ()]/.test(licence) ? [{ expression: licence }] : [{ license: { id: licence } }];
}

/** The lock names a version only where it has several. */
function resolve(key: string, packages: readonly LockedPackage[]): LockedPackage {
  const { name, version } = /.@/.test(key) ? split(key) : { name: key, version: undefined };
  const found = packages.find((each) => each.name === name && (version === undefined || each.version === version));
  if (!found) throw new Error(`The lock needs ${key}, and does not have it.`);
  return found;
}
