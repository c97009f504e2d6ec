import { deepStrictEqual } from "node:assert/strict";
import { imagePrograms, importedPackages, shippedPackages } from "./shipped.ts";

Deno.test("imagePrograms() are those that the Dockerfile caches", () => {
  const dockerfile = 'FROM a AS b\nRUN ["/bin/deno", "cache", "--frozen", "a/main.ts", "b.ts"]\nCOPY a a\n' +
    'RUN ["/bin/deno", "cache", "--frozen", "c.ts"]\n# RUN ["/bin/deno", "cache", "--frozen", "d.ts"]\n';
  deepStrictEqual(imagePrograms(dockerfile), ["a/main.ts", "b.ts", "c.ts"]);
});

Deno.test("shippedPackages() are those that the modules import, and all that they need, each once", () => {
  const of = (name: string, dependencies: string[] = []) => ({ name, version: "1.0.0", dependencies });
  const npmPackages = {
    "a@1.0.0_p@3.0.0": of("a", ["b@1.0.0"]),
    "b@1.0.0": of("b", ["a@1.0.0_p@3.0.0"]),
    "tool@1.0.0": of("tool", ["b@1.0.0"]),
  };
  const modules = [{}, { npmPackage: "a@1.0.0_p@3.0.0" }, { npmPackage: "a@1.0.0_p@3.0.0" }];
  deepStrictEqual(shippedPackages({ modules, npmPackages }), new Set(["a@1.0.0", "b@1.0.0"]));
  deepStrictEqual(shippedPackages({ modules: [], npmPackages }), new Set());
});

Deno.test("importedPackages() are those that the workspace imports itself", () => {
  const lock = JSON.stringify({ workspace: { dependencies: ["npm:a@1.0.0", "npm:@s/t@1.0.0"] } });
  deepStrictEqual(importedPackages(lock), ["a@1.0.0", "@s/t@1.0.0"]);
});
