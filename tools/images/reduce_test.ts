import { deepStrictEqual, throws } from "node:assert/strict";
import { importedNames, reduceConfiguration, reduceLock } from "./reduce.ts";

const lock = {
  version: "5",
  specifiers: { "npm:@grpc/grpc-js@1.0.0": "1.0.0", "npm:fast-check@4.0.0": "4.0.0", "npm:hono@4.0.0": "4.0.0" },
  npm: {
    "@grpc/grpc-js@1.0.0": {
      integrity: "sha512-a",
      dependencies: ["ms", "long@5.0.0"],
      optionalDependencies: ["fast"],
    },
    "fast@1.0.0": { integrity: "sha512-b" },
    "fast-check@4.0.0": { integrity: "sha512-c", dependencies: ["pure-rand"] },
    "hono@4.0.0": { integrity: "sha512-d" },
    "long@4.0.0": { integrity: "sha512-e" },
    "long@5.0.0": { integrity: "sha512-f" },
    "ms@2.0.0": { integrity: "sha512-g", dependencies: ["@grpc/grpc-js"] },
    "pure-rand@8.0.0": { integrity: "sha512-h" },
  },
  workspace: { dependencies: ["npm:@grpc/grpc-js@1.0.0", "npm:fast-check@4.0.0", "npm:hono@4.0.0"] },
};

Deno.test("importedNames() are packages, whatever of theirs is imported, and those that have their types", () => {
  const source = 'import "@grpc/grpc-js";\nimport "hono/streaming";\nimport "uplot/a.css" with { type: "text" };\n' +
    '// "x"\n// @ts-types="@types/pg"\nimport "pg";\n';
  deepStrictEqual(Array.from(importedNames(source)), ["@grpc/grpc-js", "hono", "uplot", "@types/pg", "pg"]);
});

Deno.test("reduceConfiguration() leaves the packages named, what is no package, and all that is no import", () => {
  const imports = { "@grpc/grpc-js": "npm:@grpc/grpc-js@1.0.0", "hono/": "npm:/hono@4.0.0/", "nessie": "./nessie.ts" };
  deepStrictEqual(
    reduceConfiguration(
      { imports: { ...imports, "fast-check": "npm:fast-check@4.0.0" }, lock: { frozen: true } },
      new Set(["@grpc/grpc-js", "hono"]),
    ),
    { lock: { frozen: true }, imports },
  );
});

Deno.test("reduceLock() leaves what the imports reach, with its versions and checksums", () => {
  deepStrictEqual(reduceLock(lock, { "@grpc/grpc-js": "npm:@grpc/grpc-js@1.0.0", "nessie": "./nessie.ts" }), {
    version: "5",
    specifiers: { "npm:@grpc/grpc-js@1.0.0": "1.0.0" },
    npm: {
      "@grpc/grpc-js@1.0.0": lock.npm["@grpc/grpc-js@1.0.0"],
      "fast@1.0.0": lock.npm["fast@1.0.0"],
      "long@5.0.0": lock.npm["long@5.0.0"],
      "ms@2.0.0": lock.npm["ms@2.0.0"],
    },
    workspace: { dependencies: ["npm:@grpc/grpc-js@1.0.0"] },
  });
});

Deno.test("reduceLock() counts a package once, by whichever path of it is imported", () => {
  const imports = { "hono": "npm:hono@4.0.0", "hono/": "npm:/hono@4.0.0/" };
  deepStrictEqual(Object.keys(reduceLock(lock, imports).npm), ["hono@4.0.0"]);
});

Deno.test("reduceLock() refuses what the lock does not have", () => {
  throws(() => reduceLock(lock, { pg: "npm:pg@8.0.0" }), /deno\.lock has no pg@8\.0\.0/);
});
