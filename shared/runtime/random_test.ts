import assert from "node:assert/strict";
import fc from "fast-check";
import { type Random, seededRandom, systemRandom } from "./random.ts";

const take = (random: Random, count: number) => Array.from({ length: count }, () => random.next());

Deno.test("seededRandom() returns the same numbers for a seed, and others for the next seed", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 2 }), (seed) => {
    assert.deepEqual(take(seededRandom(seed), 20), take(seededRandom(seed), 20));
    const [ours, theirs] = [take(seededRandom(seed), 20), new Set(take(seededRandom(seed + 1), 20))];
    assert.ok(ours.filter((number) => theirs.has(number)).length < 2);
  }));
});

Deno.test("seededRandom() distributes its numbers evenly from 0 to 1", () => {
  const buckets = new Array<number>(10).fill(0);
  for (const number of take(seededRandom(1), 100_000)) buckets[Math.floor(number * 10)]!++;
  // Five standard deviations of a bucket's count of about 10,000 are 474.
  for (const count of buckets) assert.ok(Math.abs(count - 10_000) < 475, String(buckets));
});

for (const [name, random] of [["seededRandom(3)", seededRandom(3)], ["systemRandom", systemRandom]] as const) {
  Deno.test(`${name}.int() returns whole numbers within its inclusive bounds`, () => {
    const seen = new Set(Array.from({ length: 1_000 }, () => random.int(-1, 2)));
    assert.deepEqual([...seen].sort((a, b) => a - b), [-1, 0, 1, 2]);
    assert.equal(random.int(5, 5), 5);
  });

  Deno.test(`${name}.bytes() returns the requested number of bytes`, () => {
    assert.equal(random.bytes(16).length, 16);
    assert.ok(new Set(random.bytes(1_000)).size > 200);
  });
}
