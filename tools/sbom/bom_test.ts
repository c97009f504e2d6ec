import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { billOfMaterials, purlOf } from "./bom.ts";

const product = {
  ...{ name: "casino-events", version: "1.2.3", licence: "MIT", deno: "2.9.3" },
  ...{ imports: ["@s/a@1.0.0"], shipped: new Set(["@s/a@1.0.0"]) },
};
const a = { name: "@s/a", version: "1.0.0", integrity: "sha512-/w==", dependencies: ["b@2.0.0"], hasScripts: false };
const b = { name: "b", version: "2.0.0", integrity: "sha512-AA==", dependencies: [], hasScripts: false };

Deno.test("billOfMaterials() names Deno and each package by purl, with hash, licence, what it needs, and whether it is shipped", () => {
  const licences = new Map([["@s/a@1.0.0", "MIT"], ["b@2.0.0", "(MIT OR Apache-2.0)"]]);
  const { components, dependencies, metadata } = billOfMaterials(product, [a, b], licences);
  strictEqual(metadata.component.version, "1.2.3");
  deepStrictEqual(components[1], {
    "type": "library",
    "bom-ref": "pkg:npm/%40s/a@1.0.0",
    "group": "@s",
    "name": "a",
    "version": "1.0.0",
    "scope": "required",
    "hashes": [{ alg: "SHA-512", content: "ff" }],
    "licenses": [{ license: { id: "MIT" } }],
    "purl": "pkg:npm/%40s/a@1.0.0",
  });
  const deno = "pkg:github/denoland/deno@v2.9.3";
  deepStrictEqual(components.map(({ purl, scope }) => [purl, scope]), [
    [deno, "required"],
    ["pkg:npm/%40s/a@1.0.0", "required"],
    ["pkg:npm/b@2.0.0", "excluded"],
  ]);
  deepStrictEqual(components[2]?.licenses, [{ expression: "(MIT OR Apache-2.0)" }]);
  deepStrictEqual(dependencies, [
    { ref: "casino-events", dependsOn: [deno, "pkg:npm/%40s/a@1.0.0"] },
    { ref: "pkg:npm/%40s/a@1.0.0", dependsOn: ["pkg:npm/b@2.0.0"] },
    { ref: "pkg:npm/b@2.0.0", dependsOn: [] },
  ]);
});

Deno.test("billOfMaterials() refuses a package whose licence is not known, or that lacks what it needs", () => {
  throws(() => billOfMaterials(product, [b], new Map()), /^Error: The licence of b@2\.0\.0 is not known\.$/);
  throws(
    () => billOfMaterials(product, [a], new Map([["@s/a@1.0.0", "MIT"]])),
    /needs b@2\.0\.0, and does not have it/,
  );
});

Deno.test("purlOf() escapes the scope's sign, and a version's plus", () => {
  strictEqual(purlOf({ name: "@s/a", version: "1.0.0+x" }), "pkg:npm/%40s/a@1.0.0%2Bx");
});
