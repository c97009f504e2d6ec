import { deepStrictEqual, throws } from "node:assert/strict";
import { closure, lockedPackages, split } from "./lock.ts";

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

Deno.test("split() tells name and version, with a scope and with peers", () => {
  deepStrictEqual(split("ajv@8.20.0"), { name: "ajv", version: "8.20.0" });
  deepStrictEqual(split("@grpc/grpc-js@1.14.7"), { name: "@grpc/grpc-js", version: "1.14.7" });
  deepStrictEqual(split("pg-pool@3.1.0_pg@8.23.1"), { name: "pg-pool", version: "3.1.0" });
});

Deno.test("lockedPackages() has each package once, with what it needs", () => {
  const packages = lockedPackages(JSON.stringify(lock));
  deepStrictEqual([...packages.keys()], ["a@1.0.0", "b@2.0.0", "c@3.0.0", "d@4.0.0"]);
  deepStrictEqual(packages.get("a@1.0.0"), {
    ...{ name: "a", version: "1.0.0", hash: "00" },
    ...{ dependencies: ["b@2.0.0", "c@3.0.0"], hasScripts: true },
  });
});

Deno.test("lockedPackages() refuses a lock that lacks what it needs", () => {
  const { "c@3.0.0": _, ...npm } = lock.npm;
  throws(() => lockedPackages(JSON.stringify({ npm })), /The lock needs c, and does not have it/);
});

Deno.test("closure() follows what packages need to the end", () => {
  const packages = lockedPackages(JSON.stringify(lock));
  deepStrictEqual([...closure(["d@4.0.0"], packages)], ["d@4.0.0", "a@1.0.0", "b@2.0.0", "c@3.0.0"]);
  deepStrictEqual([...closure(["b@2.0.0"], packages)], ["b@2.0.0"]);
});
