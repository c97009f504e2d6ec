/** `deno task simulate`: many seeds, and for each that fails its number and what went wrong. */
import { runCommand } from "../../shared/runtime/configuration/command.ts";
import { InvariantError } from "./ledger.ts";
import { type MutationName, mutations } from "./mutations.ts";
import { simulate } from "./simulate.ts";

const mostFailures = 10;

await runCommand({
  name: "deno task simulate",
  summary:
    "Runs publisher, subscribers and replay over servers in memory, under virtual time and faults that a seed decides.",
  flags: {
    seeds: { short: "n", value: "N", help: "how many runs [2000]", integer: { min: 1, max: 100_000_000 } },
    first: {
      value: "SEED",
      help: "the first seed [1]; the others count up from it",
      integer: { min: 0, max: 2 ** 31 },
    },
    mutation: {
      value: "BUG",
      help: `mutation a bug, and stop at the first seed that finds it: ${Object.keys(mutations).join(", ")}`,
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
  let [ran, failures] = [0, 0];
  const sums = { published: 0, stored: 0, dead: 0, replayed: 0, acks: 0, kills: 0, ratesCalls: 0 };
  for (let seed = first; seed < first + seeds && failures < mostFailures; seed++) {
    ran++;
    try {
      const result = await simulate({ seed, mutation: mutation as MutationName | undefined });
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += result[name];
    } catch (error) {
      if (!(error instanceof InvariantError)) throw error;
      failures++;
      console.log(error.message);
      if (mutation) break;
    }
  }
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
  console.log(`${ran} seeds from ${first} in ${seconds} s: ${failures} failed; ${JSON.stringify(sums)}`);
  return failures === 0 ? 0 : 1;
});
