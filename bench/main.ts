/** `deno task bench`: how fast it is, beside what the broker, the database and other ways of writing it can do. */
import { runCommand, UsageError } from "../shared/runtime/configuration/command.ts";
import { groups } from "./groups.ts";
import { keepResult, provenance, writeReport } from "./results.ts";
import type { Figures } from "./scenarios/consume.ts";
import { Environment } from "./environment.ts";

const names = groups.map(({ name }) => name).join(", ");

await runCommand({
  name: "deno task bench",
  summary:
    "Starts RabbitMQ, Redis and Postgres of its own and measures on them: throughput beside its rivals, publishing,\n" +
    "latency, many subscribers, endurance, growth. After each run it checks that every event was stored once.\n" +
    "Writes bench/results/ and prints the tables. All of it takes about an hour.",
  flags: {
    only: { value: "GROUPS", help: `with commas between: ${names}` },
    runs: {
      value: "N",
      help: "how many of each, in turn; the medians are reported [5]",
      integer: { min: 1, max: 100 },
    },
    report: { help: "measure nothing, and write the tables from bench/results/results.json" },
  },
  settings: [],
  examples: ["deno task bench", "deno task bench --only throughput,publisher --runs 3", "deno task bench --report"],
}, async ({ flags: { only, runs = 5, report } }) => {
  const wanted = only?.split(",").map((name) => name.trim());
  for (const name of wanted ?? []) {
    if (!groups.some((group) => group.name === name)) throw new UsageError(`--only=${name} must be of ${names}`);
  }
  const chosen = report ? [] : groups.filter(({ name }) => wanted?.includes(name) ?? true);
  if (chosen.length > 0) {
    const [loadAverage = NaN] = Deno.loadavg();
    await using environment = await Environment.start();
    for (const { name, variants } of chosen) {
      const measured: Record<string, Figures[]> = {};
      for (let run = 1; run <= runs; run++) {
        for (const variant of variants) {
          const figures = await variant.measure(environment, run);
          (measured[variant.name] ??= []).push(figures);
          console.error(`${name} · ${variant.name} · run ${run} of ${runs}: ${asWords(figures)}`);
        }
      }
      await keepResult(name, { ...await provenance(environment, loadAverage), runs: measured });
    }
  }
  console.log(await writeReport());
  return 0;
});

function asWords(figures: Figures): string {
  return Object.entries(figures).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`).join(", ");
}
