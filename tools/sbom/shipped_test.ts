import { deepStrictEqual } from "node:assert/strict";
import { importedPackages, shippedPackages } from "./shipped.ts";

const configuration = JSON.stringify({ imports: { a: "npm:a@1.0.0", "t/": "npm:/t@1.0.0/", own: "./own.ts" } });
const lock = JSON.stringify({
  specifiers: { "npm:a@1.0.0": "1.0.0_p@3.0.0", "npm:t@1.0.0": "1.0.0" },
  npm: {
    "a@1.0.0_p@3.0.0": { integrity: "sha512-AA==", dependencies: ["b"] },
    "b@2.0.0": { integrity: "sha512-BB==" },
    "t@1.0.0": { integrity: "sha512-CC==", dependencies: ["b"] },
  },
  workspace: { dependencies: ["npm:a@1.0.0", "npm:t@1.0.0"] },
});

Deno.test("shippedPackages() are those that some image's list needs, and no tool of the tests", () => {
  deepStrictEqual(shippedPackages(configuration, lock, ['import "a";\n']), new Set(["a@1.0.0", "b@2.0.0"]));
  deepStrictEqual(
    shippedPackages(configuration, lock, ['import "t/x.js";\n', 'import "own";\n']),
    new Set(["t@1.0.0", "b@2.0.0"]),
  );
  deepStrictEqual(shippedPackages(configuration, lock, []), new Set());
});

Deno.test("importedPackages() are those that the workspace imports itself", () => {
  deepStrictEqual(importedPackages(lock), ["a@1.0.0", "t@1.0.0"]);
});
