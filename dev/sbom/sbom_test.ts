import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { billOfMaterials, licencesIn, purlOf } from "./main.ts";
import { closure, isAllowed, lockedPackages, split } from "./packages.ts";

const lock = {
  npm: {
    "a@1.0.0": {
      integrity: "sha512-AA==",
      dependencies: ["b@2.0.0_a@1.0.0"],
      optionalDependencies: ["c"],
      scripts: true,
    },
    "b@2.0.0_a@1.0.0": { integrity: "sha512-BB==" },
    "b@2.0.0_a@1.1.0": { integrity: "sha512-BB==" },
    "c@3.0.0": { integrity: "sha512-CC==" },
    "d@4.0.0": { integrity: "sha512-DD==", dependencies: ["a"] },
  },
};

Deno.test("split() splits name and version, with scopes and peers", () => {
  deepStrictEqual(split("ajv@8.20.0"), { name: "ajv", version: "8.20.0" });
  deepStrictEqual(split("@grpc/grpc-js@1.14.7"), { name: "@grpc/grpc-js", version: "1.14.7" });
  deepStrictEqual(split("pg-pool@3.1.0_pg@8.23.1"), { name: "pg-pool", version: "3.1.0" });
});

Deno.test("lockedPackages() returns each package once, with its dependencies", () => {
  const packages = lockedPackages(JSON.stringify(lock));
  deepStrictEqual([...packages.keys()], ["a@1.0.0", "b@2.0.0", "c@3.0.0", "d@4.0.0"]);
  deepStrictEqual(packages.get("a@1.0.0"), {
    ...{ name: "a", version: "1.0.0", hash: "00" },
    ...{ dependencies: ["b@2.0.0", "c@3.0.0"], hasScripts: true },
  });
});

Deno.test("lockedPackages() rejects a lock that lacks a dependency", () => {
  const { "c@3.0.0": _, ...npm } = lock.npm;
  throws(() => lockedPackages(JSON.stringify({ npm })), /The lock file lacks c, which another package needs/);
});

Deno.test("closure() follows dependencies transitively", () => {
  const packages = lockedPackages(JSON.stringify(lock));
  deepStrictEqual([...closure(["d@4.0.0"], packages)], ["d@4.0.0", "a@1.0.0", "b@2.0.0", "c@3.0.0"]);
  deepStrictEqual([...closure(["b@2.0.0"], packages)], ["b@2.0.0"]);
});

Deno.test("isAllowed() requires every part of an AND, and one part of an OR", () => {
  const good = ["MIT", "MIT OR GPL-3.0", "(MIT OR CC0-1.0)", "MIT AND ISC", "(GPL-2.0 OR MIT) AND ISC"];
  const bad = ["GPL-3.0", "MIT AND GPL-3.0", "UNLICENSED", "SEE LICENSE IN LICENSE", "GPL-2.0 OR AGPL-3.0", ""];
  deepStrictEqual(good.filter((licence) => !isAllowed(licence)), []);
  deepStrictEqual(bad.filter(isAllowed), []);
});

const product = { name: "casino-events", version: "1.2.3", licence: "MIT", deno: "2.9.3", imports: ["@s/a@1.0.0"] };
const a = {
  ...{ name: "@s/a", version: "1.0.0", hash: "ff", dependencies: ["b@2.0.0"], hasScripts: false },
  ...{ licence: "MIT", shippedBy: ["publisher", "tools"] },
};
const b = {
  ...{ name: "b", version: "2.0.0", hash: "00", dependencies: [], hasScripts: false },
  ...{ licence: "(MIT OR Apache-2.0)", shippedBy: [] },
};

Deno.test("billOfMaterials() lists Deno and each package by purl, with hash, licence, dependencies and members", () => {
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

Deno.test("purlOf() escapes the scope's @ and the version's +", () => {
  strictEqual(purlOf("@s/a@1.0.0+x"), "pkg:npm/%40s/a@1.0.0%2Bx");
});

Deno.test("licencesIn() reads the licences of an earlier bill, by hash", () => {
  const text = JSON.stringify(billOfMaterials(product, [a, b]));
  deepStrictEqual([...licencesIn(text)], [["ff", "MIT"], ["00", "(MIT OR Apache-2.0)"]]);
  strictEqual(licencesIn("").size, 0);
});
