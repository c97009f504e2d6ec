import { deepStrictEqual } from "node:assert/strict";
import { lockedPackages, split } from "./lock.ts";

Deno.test("split() tells name and version, with a scope and with peers", () => {
  deepStrictEqual(split("ajv@8.20.0"), { name: "ajv", version: "8.20.0" });
  deepStrictEqual(split("@grpc/grpc-js@1.14.7"), { name: "@grpc/grpc-js", version: "1.14.7" });
  deepStrictEqual(split("pg-pool@3.1.0_pg@8.23.1"), { name: "pg-pool", version: "3.1.0" });
});

Deno.test("lockedPackages() names each package once, with what it needs", () => {
  const lock = {
    npm: {
      "a@1.0.0": { integrity: "sha512-AA==", dependencies: ["b"], optionalDependencies: ["c"], scripts: true },
      "b@2.0.0_a@1.0.0": { integrity: "sha512-BB==" },
      "b@2.0.0_a@1.1.0": { integrity: "sha512-BB==" },
    },
  };
  deepStrictEqual(lockedPackages(JSON.stringify(lock)), [
    { name: "a", version: "1.0.0", integrity: "sha512-AA==", dependencies: ["b", "c"], hasScripts: true },
    { name: "b", version: "2.0.0", integrity: "sha512-BB==", dependencies: [], hasScripts: false },
  ]);
});
