import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { billOfMaterials, purlOf } from "./bom.ts";

const product = { name: "casino-events", version: "1.2.3", licence: "MIT" };
const a = { name: "@s/a", version: "1.0.0", integrity: "sha512-/w==", dependencies: ["b@2.0.0"], hasScripts: false };
const b = { name: "b", version: "2.0.0", integrity: "sha512-AA==", dependencies: [], hasScripts: false };

Deno.test("billOfMaterials() names each package by purl, with hash, licence and what it needs", () => {
  const licences = new Map([["@s/a@1.0.0", "MIT"], ["b@2.0.0", "(MIT OR Apache-2.0)"]]);
  const { components, dependencies, metadata } = billOfMaterials(product, [a, b], licences);
  strictEqual(metadata.component.version, "1.2.3");
  deepStrictEqual(components[0], {
    "type": "library",
    "bom-ref": "pkg:npm/%40s/a@1.0.0",
    "group": "@s",
    "name": "a",
    "version": "1.0.0",
    "hashes": [{ alg: "SHA-512", content: "ff" }],
    "licenses": [{ license: { id: "MIT" } }],
    "purl": "pkg:npm/%40s/a@1.0.0",
  });
  deepStrictEqual(components[1]?.licenses, [{ expression: "(MIT OR Apache-2.0)" }]);
  deepStrictEqual(dependencies, [
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
