import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { AckRuns, TagRanges } from "./ack_runs.ts";

function recorded() {
  const acks: [tag: number, multiple: boolean][] = [];
  return { acks, runs: new AckRuns((tag, multiple) => acks.push([tag, multiple])) };
}

Deno.test("AckRuns.settle() acks a contiguous run with one multiple ack", () => {
  const { acks, runs } = recorded();
  runs.settle([1, 2, 3, 4]);
  runs.settle([5]);
  deepStrictEqual(acks, [[4, true], [5, false]]);
});

Deno.test("AckRuns.settle() holds acks behind a gap until the gap closes", () => {
  const { acks, runs } = recorded();
  runs.settle([3, 4, 5]);
  deepStrictEqual(acks, []);
  strictEqual(runs.waiting, true);
  runs.settle([1, 2]);
  deepStrictEqual(acks, [[5, true]]);
  strictEqual(runs.waiting, false);
});

Deno.test("AckRuns.flush() acks deliveries behind a gap one by one, each once", () => {
  const { acks, runs } = recorded();
  runs.settle([3, 4]);
  runs.flush();
  runs.flush();
  deepStrictEqual(acks, [[3, false], [4, false]]);
  runs.settle([1, 2]);
  deepStrictEqual(acks.slice(2), [[2, true]]);
});

Deno.test("AckRuns.settledOtherwise() never acks a tag that is already settled", () => {
  const { acks, runs } = recorded();
  runs.settle([1]);
  runs.settledOtherwise(2);
  runs.settle([3]);
  deepStrictEqual(acks, [[1, false], [3, false]]);
});

Deno.test("AckRuns closes a gap across waiting, flushed and otherwise settled tags", () => {
  const { acks, runs } = recorded();
  runs.settle([2, 3]);
  runs.flush();
  runs.settledOtherwise(4);
  runs.settle([5, 6]);
  deepStrictEqual([runs.settled, runs.waiting], [5, true]);
  runs.settle([1]);
  deepStrictEqual(acks, [[2, false], [3, false], [6, true]]);
  deepStrictEqual([runs.settled, runs.waiting], [6, false]);
});

Deno.test("AckRuns acks every tag exactly once, and no open tag, in any order", () => {
  const steps = fc.integer({ min: 1, max: 60 }).chain((count) =>
    fc.record({
      order: fc.shuffledSubarray(Array.from({ length: count }, (_, i) => i + 1)),
      batch: fc.integer({ min: 1, max: 7 }),
      flushes: fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
    })
  );
  fc.assert(
    fc.property(steps, ({ order, batch, flushes }) => {
      const outstanding = new Set(Array.from({ length: 61 }, (_, i) => i + 1));
      const settled = new Set<number>();
      const runs = new AckRuns((tag, multiple) => {
        const acked = multiple ? [...outstanding].filter((open) => open <= tag) : [tag];
        strictEqual(outstanding.has(tag), true, `tag ${tag} is not outstanding: the broker would close the channel`);
        for (const one of acked) {
          strictEqual(settled.has(one), true, `tag ${one} was acked but not settled`);
          outstanding.delete(one);
        }
      });
      for (let i = 0; i < order.length; i += batch) {
        const tags = order.slice(i, i + batch);
        for (const tag of tags) settled.add(tag);
        runs.settle(tags);
        if (flushes[i]) runs.flush();
      }
      runs.flush();
      for (const tag of order) strictEqual(outstanding.has(tag), false, `tag ${tag} was settled but never acked`);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("TagRanges stores millions of tags above one gap as one range", () => {
  const tags = new TagRanges();
  for (let tag = 2; tag <= 2_000_000; tag++) tags.add(tag);
  deepStrictEqual([tags.ranges, tags.size], [1, 1_999_999]);
  strictEqual(tags.takeFrom(1), undefined);
  strictEqual(tags.takeFrom(2), 2_000_000);
  deepStrictEqual([tags.ranges, tags.size], [0, 0]);
});

Deno.test("TagRanges returns the same ranges as a sorted list, for tags in any order", () => {
  const steps = fc.integer({ min: 1, max: 40 }).chain((count) => {
    const tags = fc.shuffledSubarray(Array.from({ length: count }, (_, i) => i + 1));
    return fc.record({ tags, take: fc.array(fc.integer({ min: 1, max: count }), { maxLength: 40 }) });
  });
  fc.assert(fc.property(steps, ({ tags, take }) => {
    const ranges = new TagRanges();
    const held = new Set<number>();
    tags.forEach((tag, i) => {
      ranges.add(tag);
      held.add(tag);
      const first = take[i];
      if (first !== undefined) {
        let last: number | undefined;
        if (!held.has(first - 1)) { for (let next = first; held.delete(next); next++) last = next; }
        strictEqual(ranges.takeFrom(first), last);
      }
      strictEqual(ranges.size, held.size);
      strictEqual(ranges.ranges, [...held].filter((one) => !held.has(one - 1)).length);
    });
  }));
});
