import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { billOfMaterials, licencesIn, purlOf } from "./bom.ts";

const product = { name: "casino-events", version: "1.2.3", licence: "MIT", deno: "2.9.3", imports: ["@s/a@1.0.0"] };
const a = {
  ...{ name: "@s/a", version: "1.0.0", hash: "ff", dependencies: ["b@2.0.0"], hasScripts: false },
  ...{ licence: "MIT", shippedBy: ["publisher", "tools"] },
};
const b = {
  ...{ name: "b", version: "2.0.0", hash: "00", dependencies: [], hasScripts: false },
  ...{ licence: "(MIT OR Apache-2.0)", shippedBy: [] },
};

Deno.test("billOfMaterials() names Deno and each package by purl, with hash, licence, what it needs and who ships it", () => {
  const { components, dependencies, metadata } = billOfMaterials(product, [a, b]);
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
    "properties": ["publisher", "tools"].map((value) => ({ name: "casino-events:shipped-by", value })),
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

Deno.test("purlOf() escapes the scope's sign, and a version's plus", () => {
  strictEqual(purlOf("@s/a@1.0.0+x"), "pkg:npm/%40s/a@1.0.0%2Bx");
});

Deno.test("licencesIn() has the licences of an earlier bill, by hash", () => {
  const text = JSON.stringify(billOfMaterials(product, [a, b]));
  deepStrictEqual([...licencesIn(text)], [["ff", "MIT"], ["00", "(MIT OR Apache-2.0)"]]);
  strictEqual(licencesIn("").size, 0);
});
