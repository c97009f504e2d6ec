/** The bill of materials, as CycloneDX 1.6 has it: cyclonedx.org/docs/1.6/json */
import type { LockedPackage } from "./packages.ts";

/** A package, and what is known of it beside what the lock says. */
export interface Component extends LockedPackage {
  /** SPDX's id or expression. */
  readonly licence: string;
  /** The members that load it; none where it only builds and tests. */
  readonly shippedBy: readonly string[];
}

interface Product {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** Its direct imports, by `name@version`. */
  readonly imports: readonly string[];
  /** Deno's version, in which all of it runs. */
  readonly deno: string;
}

/** The same packages give the same document, to the byte: it has neither a serial number nor a time. */
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
    // CycloneDX: `excluded` is for what is used to build or test, and not delivered.
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

/** The licences in a bill of materials, by the packages' hashes. @param text of one, or none */
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
