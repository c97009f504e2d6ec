import { strictEqual } from "node:assert/strict";
import { hidden, isSecret, shownAddress } from "./secrets.ts";

Deno.test("shownAddress() shows a host with a port, and hides what may be a password", () => {
  for (const text of ["localhost", "host:99999", "http://host:1", "[::1]:50051"]) strictEqual(shownAddress(text), text);
  for (const text of ["http://user:1100811", "user:1100811", "[::1]:123456", "user:pass@host:1", "user:abc"]) {
    strictEqual(shownAddress(text), hidden, text);
  }
});

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
