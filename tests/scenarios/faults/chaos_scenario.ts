/** A short campaign of random faults with fixed seeds. Longer ones: `deno task chaos`. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { runCampaign } from "../../chaos/campaign.ts";

const troubleMs = 60_000;

for (const seed of [1, 2]) {
  Deno.test(`chaos for a minute, seed ${seed}: nothing lost, nothing unexpected, nothing twice, all reported, totals equal`, async () => {
    const timeline: string[] = [];
    const say = (line: string) => void timeline.push(line);
    const result = await runCampaign({ seed, troubleMs, say, stop: new AbortController().signal });
    const { problems, lost, unexpected, duplicated, unreported, attempted, confirmed, stored, dead, faults } = result;
    deepStrictEqual(problems, [], timeline.join("\n"));
    deepStrictEqual({ lost, unexpected, duplicated, unreported }, {
      ...{ lost: 0, unexpected: 0, duplicated: 0, unreported: 0 },
    });
    strictEqual(stored + dead >= confirmed && stored + dead <= attempted, true);
    ok(faults > 10 && stored > 1_000, "there was trouble enough to tell");
  });
}
