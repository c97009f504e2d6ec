/** Two short campaigns of random faults, whose seeds draw different settings. `deno task chaos` runs longer ones. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { runCampaign } from "../../chaos/campaign.ts";

const troubleMs = 30_000;

for (const seed of [1, 2]) {
  Deno.test(`chaos for half a minute, seed ${seed}: no event is lost, unexpected or duplicated, all are reported, no report is wrong, totals are equal`, async () => {
    const timeline: string[] = [];
    const say = (line: string) => void timeline.push(line);
    const result = await runCampaign({ seed, troubleMs, say, stop: new AbortController().signal });
    const {
      problems,
      lost,
      unexpected,
      duplicated,
      unreported,
      toldWrongly,
      attempted,
      confirmed,
      stored,
      dead,
      faults,
    } = result;
    deepStrictEqual(problems, [], timeline.join("\n"));
    const none = { lost: 0, unexpected: 0, duplicated: 0, unreported: 0, toldWrongly: 0 };
    deepStrictEqual({ lost, unexpected, duplicated, unreported, toldWrongly }, none);
    ok(stored + dead >= confirmed && stored + dead <= attempted);
    ok(faults >= 8 && stored > 1_000, `${faults} faults and ${stored} events are enough to tell`);
  });
}
