/** `deno task scale`: what a load needs, what gives way first, how well the model fits, and what 1,000 workers do for rates. */
import { runCommand, UsageError } from "../../shared/command.ts";
import { usualLoad } from "./model.ts";
import { tolerance } from "./points.ts";
import { limitsTable, planTable, pointsTable, ratesTable } from "./tables.ts";

await runCommand({
  name: "deno task scale",
  summary:
    "Computes from the benchmark's figures what a load needs, and simulates the rates of many subscribers: docs/scale.md.",
  flags: {
    "events-per-second": {
      short: "n",
      value: "N",
      help: "the load; several with commas between [10000,100000,1000000]",
    },
    players: { value: "N", help: "whose events they are [1000]", integer: { min: 1, max: 1_000_000_000 } },
    lines: { help: "subscribers write lines of JSON" },
    stored: { value: "N", help: "events that are stored already [0]", integer: { min: 0, max: 1_000_000_000_000 } },
    check: { help: "show how far the model is from each point of the benchmark" },
    rates: { help: "simulate cache and lock with many workers" },
    workers: { value: "N", help: "with --rates [1000]", integer: { min: 1, max: 100_000 } },
    seed: { value: "N", help: "with --rates [1]", integer: { min: 0, max: 2 ** 31 } },
  },
  settings: [],
  examples: [
    "deno task scale --events-per-second 250000 --players 1000000",
    "deno task scale --check",
    "deno task scale --rates --workers 5000",
  ],
}, async ({ flags }) => {
  if (flags.check) {
    console.log(`${pointsTable()}\n\nWhere it is modelled it may be off by ${tolerance * 100} %.`);
  } else if (flags.rates) {
    console.log(await ratesTable(flags.workers ?? 1_000, flags.seed ?? 1));
  } else {
    const loads = (flags["events-per-second"] ?? "10000,100000,1000000").split(",").map(Number);
    if (loads.some((each) => !Number.isInteger(each) || each < 1 || each > 1e9)) {
      throw new UsageError(
        `--events-per-second=${flags["events-per-second"]} must be whole numbers from 1 to 1000000000`,
      );
    }
    const load = { players: flags.players ?? usualLoad.players, lines: flags.lines, stored: flags.stored ?? 0 };
    console.log(`${planTable(loads, load)}\n\n${limitsTable(load)}`);
  }
  return 0;
});
