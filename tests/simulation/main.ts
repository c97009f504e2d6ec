/** `deno task simulate`: runs many seeds, and prints the number and the broken invariant of each that fails. */
import { runCommand } from "../../shared/runtime/configuration/command.ts";
import { type MutationName, mutations } from "./mutations.ts";
import { simulateSeeds } from "./simulate.ts";

await runCommand({
  name: "deno task simulate",
  summary: "Runs publisher, subscribers and replay on servers in memory, under virtual time and seeded faults.",
  flags: {
    seeds: {
      short: "n",
      value: "N",
      help: "number of runs, one seed each [2000]",
      integer: { min: 1, max: 100_000_000 },
    },
    first: {
      value: "SEED",
      help: "first seed; the others follow consecutively [1]",
      integer: { min: 0, max: 2 ** 31 },
    },
    mutation: {
      value: "BUG",
      help: `inject a bug, and stop at the first seed that finds it: ${Object.keys(mutations).join(", ")}`,
      choices: Object.keys(mutations),
    },
  },
  settings: [],
  examples: [
    "deno task simulate --seeds 10000",
    "deno task simulate --first 1234 --seeds 1",
    "deno task simulate --mutation ack-before-commit",
  ],
}, async ({ flags: { seeds = 2_000, first = 1, mutation } }) => {
  const begun = performance.now();
  const { ran, failures, sums } = await simulateSeeds({
    first,
    count: seeds,
    mutation: mutation as MutationName | undefined,
    mostFailures: mutation ? 1 : 10,
    onFailure: ({ message }) => console.log(message),
  });
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
  console.log(`${ran} seeds from ${first} in ${seconds} s: ${failures.length} failed; ${JSON.stringify(sums)}`);
  return failures.length === 0 ? 0 : 1;
});
