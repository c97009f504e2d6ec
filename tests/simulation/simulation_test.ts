import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { InvariantError } from "./invariants.ts";
import { type MutationName, mutations } from "./mutations.ts";
import { simulate, simulateSeeds } from "./simulate.ts";

const seeds = 2_000;

/** Returns the failure of the first seed that finds the bug. */
async function firstFind(mutation: MutationName): Promise<InvariantError | undefined> {
  return (await simulateSeeds({ count: seeds, mutation })).failures[0];
}

Deno.test(`simulate() breaks no invariant in ${seeds} seeds of faults`, async () => {
  const { failures, sums } = await simulateSeeds({ count: seeds });
  deepStrictEqual(failures, []);
  ok(sums.kills > seeds && sums.replayed > seeds && sums.dead > seeds, "there was trouble enough to tell");
  ok(sums.redelivered > seeds, "deliveries came again");
});

Deno.test("simulate() breaks no invariant in 300 seeds of faults with two events queues", async () => {
  const { failures, sums } = await simulateSeeds({ count: 300, shards: 2 });
  deepStrictEqual(failures, []);
  ok(sums.replayed > 300 && sums.redelivered > 300, "there was trouble enough to tell");
});

Deno.test("simulate() runs and fails the same for one seed", async () => {
  for (const seed of [7, 8, 9]) deepStrictEqual(await simulate(seed), await simulate(seed));
  const [one, other] = [await firstFind("ack-before-commit"), await firstFind("ack-before-commit")];
  deepStrictEqual([one?.seed, one?.what, one?.atMs], [other?.seed, other?.what, other?.atMs]);
});

for (const mutation of Object.keys(mutations) as MutationName[]) {
  Deno.test(`simulate() finds a mutation: ${mutation}`, async () => {
    strictEqual((await firstFind(mutation))?.name, "InvariantError", `none of ${seeds} seeds found it`);
  });
}
