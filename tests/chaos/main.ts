/** `deno task chaos`: random faults on a complete private system, then a count of every message. */
import { runCommand } from "../../shared/runtime/configuration/command.ts";
import { type CampaignResult, runCampaign } from "./campaign.ts";

const columns = [
  ...["seed", "faults", "attempted", "confirmed", "stored", "dead", "replayed", "lost", "unexpected"] as const,
  ...["duplicated", "unreported", "toldWrongly", "seconds"] as const,
];

/** A Markdown table; docs/reliability.md has the sums of its rows. */
const header = `| ${columns.join(" | ")} | totals |\n|${columns.map(() => " ---: |").join("")} --- |`;

await runCommand({
  name: "deno task chaos",
  summary:
    "Starts its own RabbitMQ, Redis, Postgres, rates API and subscribers, injects random faults while events are\n" +
    "published, then ends the faults and accounts for every message.",
  flags: {
    minutes: { value: "N", help: "minutes of faults for each seed [1]", decimal: { min: 0.1, max: 1_000 } },
    seed: { value: "S", help: "seed for the settings and the faults [1]", integer: { min: 0, max: 2 ** 31 } },
    seeds: {
      value: "N",
      help: "number of campaigns, with consecutive seeds [1]",
      integer: { min: 1, max: 1_000 },
    },
    subscribers: { value: "N", help: "number of subscribers [3]", integer: { min: 1, max: 20 } },
    only: { value: "WORDS", help: "only faults with WORDS in their names, as in the timeline" },
    rate: { value: "N", help: "events a second [150]", integer: { min: 1, max: 10_000 } },
  },
  settings: [],
  examples: [
    "deno task chaos --minutes 5 --seed 7",
    "deno task chaos --minutes 3 --seeds 20",
    'deno task chaos --only "kept connections"',
  ],
}, async ({ flags: { minutes = 1, seed = 1, seeds = 1, subscribers = 3, rate = 150, only = "" } }) => {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      console.error("Ending early: ending the faults, counting messages, stopping the servers");
      stop.abort();
    });
  }
  const results: CampaignResult[] = [];
  for (let n = 0; n < seeds && !stop.signal.aborted; n++) {
    const say = (line: string) => console.error(line);
    const troubleMs = minutes * 60_000;
    results.push(await runCampaign({ seed: seed + n, troubleMs, subscribers, rate, only, say, stop: stop.signal }));
    for (const problem of results.at(-1)!.problems) console.error(`problem: ${problem}`);
    if (n === 0) console.log(header);
    console.log(asRow(results.at(-1)!));
  }
  return results.every(({ problems }) => problems.length === 0) ? 0 : 1;
});

function asRow(result: CampaignResult): string {
  const cells = columns.map((column) => String(result[column]).padStart(column.length));
  return `| ${cells.join(" | ")} | ${result.problems.length === 0 ? "equal" : "NOT AS THEY SHOULD BE"} |`;
}
