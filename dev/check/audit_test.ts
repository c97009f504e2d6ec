import { strictEqual } from "node:assert/strict";
import { verdictOf } from "./audit.ts";

Deno.test("verdictOf() tells a registry that cannot be asked from one that knows of a vulnerability", () => {
  const offline =
    "error: error sending request for url (…/advisories/bulk): client error (Connect)\n\nCaused by:\n    0: …";
  const mirror = "error: Failed to deserialize response from the npm registry API\n\nCaused by:\n    expected ident";
  strictEqual(verdictOf(false, offline), "not asked");
  strictEqual(verdictOf(false, mirror), "not asked");
  strictEqual(verdictOf(false, "╭ a package\n│ Severity: high\nFound 1 vulnerabilities"), "vulnerable");
  strictEqual(verdictOf(true, "No known vulnerabilities found"), "sound");
});

Deno.test("verdictOf() is not talked out of a vulnerability, nor of a failure that it does not know", () => {
  const advisory = "│ a client that ends with error: error sending request for url\n│ Severity: high\n";
  strictEqual(verdictOf(false, advisory), "vulnerable");
  strictEqual(verdictOf(false, `${advisory}Found 1 vulnerabilities\nerror: error sending request`), "vulnerable");
  strictEqual(verdictOf(false, "error: Unable to open the lock: dns error"), "vulnerable");
  strictEqual(verdictOf(false, ""), "vulnerable");
});
