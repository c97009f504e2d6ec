import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { simulate } from "./simulation.ts";

const seeds = 500;

Deno.test(`simulate() loses nothing, acks nothing unstored and settles everything, in ${seeds} runs of seeded faults`, async () => {
  let [kills, dead] = [0, 0];
  for (let seed = 1; seed <= seeds; seed++) {
    const result = await simulate({ seed });
    kills += result.kills;
    dead += result.dead;
  }
  strictEqual(kills > seeds && dead > seeds, true, "there was trouble enough to tell");
});

Deno.test("simulate() runs the same for the same seed", async () => {
  deepStrictEqual(await simulate({ seed: 7 }), await simulate({ seed: 7 }));
});
