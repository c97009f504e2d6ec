import { strictEqual } from "node:assert/strict";
import { isSecret } from "./secrets.ts";

Deno.test("isSecret() accepts each complete secret, as text or bytes, and nothing else", () => {
  const secrets = ["current", "old-one"];
  for (const secret of secrets) {
    strictEqual(isSecret(secret, secrets), true);
    strictEqual(isSecret(new TextEncoder().encode(secret), secrets), true);
  }
  for (const other of ["", "curren", "current ", "Current", "currentold-one"]) {
    strictEqual(isSecret(other, secrets), false, other);
  }
  strictEqual(isSecret("", []), false);
});
