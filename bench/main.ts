/**
 * `deno task bench`: the project's speed, compared with what the broker, the database and other ways of writing it can
 * do. The variants of a group run in turns, so that a noisy minute affects all of them alike.
 */
import { Environment } from "./environment.ts";
import { type Group, groups, quickly, years } from "./groups.ts";
import { quickTable } from "./quick.ts";
import { runCommand, UsageError } from "../shared/runtime/configuration/command.ts";
import { keepResult, provenance, readResults, writeReport } from "./results.ts";
import type { Figures } from "./scenarios/consume.ts";

const all: readonly Group[] = [...groups, years];

const names = all.map(({ name }) => name).join(", ");

await runCommand({
  name: "deno task bench",
  summary:
    "Starts its own RabbitMQ, Redis and Postgres, and measures throughput compared with other designs, publishing,\n" +
    "latency, many subscribers, endurance and growth. After each run, it checks that every event was stored once.\n" +
    "Writes bench/results/ and prints the tables. A full run takes about an hour. The group years runs only with\n" +
    "--only=years, and takes 45 minutes.",
  flags: {
    only: { value: "GROUPS", help: `comma-separated groups: ${names}` },
    runs: {
      value: "N",
      help: "runs of each variant, in turn; the medians are reported [5; --quick: 4]",
      integer: { min: 1, max: 100 },
    },
    quick: {
      help: "measure ours, bare and load in three minutes, and compare with bench/results/, which do not change",
    },
    report: { help: "do not measure; write the tables from bench/results/results.json" },
  },
  settings: [],
  examples: [
    "deno task bench --quick",
    "deno task bench",
    "deno task bench --only throughput,publisher --runs 3",
    "deno task bench --report",
  ],
}, async ({ flags: { only, runs, quick, report } }) => {
  if (quick && (only !== undefined || report)) throw new UsageError("--quick can be used only with --runs");
  const wanted = only?.split(",").map((name) => name.trim());
  for (const name of wanted ?? []) {
    if (!all.some((group) => group.name === name)) throw new UsageError(`--only=${name} must be one of ${names}`);
  }
  const chosen = quick ? [quickly] : report ? [] : wanted ? all.filter(({ name }) => wanted.includes(name)) : groups;
  if (chosen.length > 0) {
    const [loadAverage = NaN] = Deno.loadavg();
    await using environment = await Environment.start();
    for (const { name, variants } of chosen) {
      const measured: Record<string, Figures[]> = {};
      const turns = runs ?? (quick ? 4 : 5);
      for (let run = 1; run <= turns; run++) {
        for (const variant of variants) {
          const figures = await variant.measure(environment, run);
          (measured[variant.name] ??= []).push(figures);
          console.error(`${name} · ${variant.name} · run ${run} of ${turns}: ${asWords(figures)}`);
        }
      }
      if (quick) {
        console.log(quickTable(measured, (await readResults())["throughput"]!));
        return 0;
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
