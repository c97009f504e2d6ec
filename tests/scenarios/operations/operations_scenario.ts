/** Runs the operators' documents command by command, in a system that is broken on purpose. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { project } from "../../harness/world.ts";
import { documentNames, follow, readDocument } from "./document.ts";
import { happenings } from "./faults.ts";

Deno.test("every meanwhile of the documents has a fault, and every fault is used", async () => {
  const documents = await Promise.all(documentNames.map(readDocument));
  const told = documents.flatMap(({ sections }) => sections).flatMap(({ steps }) => steps)
    .flatMap((step) => step.kind === "meanwhile" ? [step.what] : []);
  deepStrictEqual([...new Set(told)].sort(), Object.keys(happenings).sort());
  for (const { scenario } of documents.flatMap(({ elsewhere }) => elsewhere)) {
    ok((await Deno.stat(join(project, scenario))).isFile);
  }
  for (const { name, beforeEach } of documents) strictEqual(beforeEach, documents[0]!.beforeEach, name);
});

Deno.test("operations.md: each command works as written", async (t) => {
  await follow(t, "operations.md", { begin: () => Promise.resolve() });
});

Deno.test("runbook.md: each fault is made, seen and cured as written", async (t) => {
  await follow(t, "runbook.md");
});

const patient = { RATES_WAIT_MS: "30000" };

Deno.test("backup.md: each command works as written, and every event is restored once", async (t) => {
  await follow(t, "backup.md", { env: patient });
});
