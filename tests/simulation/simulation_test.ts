import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { InvariantError } from "./ledger.ts";
import { type MutationName, mutations } from "./mutations.ts";
import { simulate, type SimulationResult } from "./simulate.ts";

const seeds = 2_000;

/** The message of the first seed that finds the bug. */
async function firstFind(mutation: MutationName): Promise<InvariantError | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      await simulate({ seed, mutation });
    } catch (error) {
      if (error instanceof InvariantError) return error;
      throw error;
    }
  }
  return undefined;
}

Deno.test(`simulate() breaks no invariant in ${seeds} seeds of faults`, async () => {
  const sums: SimulationResult = { published: 0, stored: 0, dead: 0, replayed: 0, acks: 0, kills: 0, ratesCalls: 0 };
  for (let seed = 1; seed <= seeds; seed++) {
    const result = await simulate({ seed });
    for (const name of Object.keys(sums) as (keyof SimulationResult)[]) {
      (sums as Record<keyof SimulationResult, number>)[name] += result[name];
    }
  }
  ok(sums.kills > seeds && sums.replayed > seeds && sums.dead > seeds, "there was trouble enough to tell");
  ok(sums.acks > sums.published, "deliveries came again");
});

Deno.test("simulate() runs the same for the same seed, and fails the same", async () => {
  for (const seed of [7, 8, 9]) deepStrictEqual(await simulate({ seed }), await simulate({ seed }));
  const [one, other] = [await firstFind("ack-before-commit"), await firstFind("ack-before-commit")];
  deepStrictEqual([one?.seed, one?.what, one?.atMs], [other?.seed, other?.what, other?.atMs]);
});

for (const mutation of Object.keys(mutations) as MutationName[]) {
  Deno.test(`simulate() finds a mutated bug: ${mutation}`, async () => {
    const found = await firstFind(mutation);
    strictEqual(found instanceof InvariantError, true, `none of ${seeds} seeds found it`);
  });
}
