import { strictEqual } from "node:assert/strict";
import { verdictOf } from "./audit.ts";

Deno.test("verdictOf() tells a registry that cannot be asked from one that knows of a vulnerability", () => {
  const offline = "error: error sending request for url (…/advisories/bulk): client error (Connect)";
  strictEqual(verdictOf(false, offline), "not asked");
  strictEqual(verdictOf(false, "╭ a package\n│ Severity: high\nFound 1 vulnerabilities"), "vulnerable");
  strictEqual(verdictOf(true, "No known vulnerabilities found"), "sound");
});
