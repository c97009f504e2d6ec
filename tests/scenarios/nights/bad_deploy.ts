/** A new version fails on some events. It is the first subscriber's, and the second still has the old one. */
import { ok } from "node:assert/strict";
import { join } from "node:path";
import type { Story } from "./night.ts";

const file = "subscriber/pipeline/steps/describe.ts";
const before =
  "export function describe(event: Event, amountEur: bigint | undefined, email: string | undefined): string {\n";
const bug =
  `  if (event.type === "game_stop") throw new TypeError("Cannot read properties of undefined (reading 'title')");\n`;

export const badDeploy: Story = async (night, system) => {
  const path = join(system.operator.folder, file);
  const good = await Deno.readTextFile(path);
  ok(good.includes(before));
  await Deno.writeTextFile(path, good.replace(before, before + bug));
  await night.restarts("subscriber-1");
  await system.publish(200);
  await night.sees({
    title: /^\d+ dead letters to look at$/,
    status: /^Dead letters +\d+ letters; see `deno task dead groups`$/m,
    alert: ["CasinoOwnFault", /^The code of subscriber \S+ failed/],
  });
  await night.follows("runbook.md", "CasinoOwnFault", "dead list --reason processing-failed");

  await Deno.writeTextFile(path, good);
  await night.restarts("subscriber-1");
  await night.follows("runbook.md", "CasinoOwnFault", "dead replay");
};
