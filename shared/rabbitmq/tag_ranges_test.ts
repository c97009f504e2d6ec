import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { TagRanges } from "./tag_ranges.ts";

Deno.test("TagRanges holds millions of tags above one gap as one range", () => {
  const tags = new TagRanges();
  for (let tag = 2; tag <= 2_000_000; tag++) tags.add(tag);
  deepStrictEqual([tags.ranges, tags.size], [1, 1_999_999]);
  strictEqual(tags.takeFrom(1), undefined);
  strictEqual(tags.takeFrom(2), 2_000_000);
  deepStrictEqual([tags.ranges, tags.size], [0, 0]);
});

Deno.test("TagRanges gives each range as a sorted list has it, in whatever order the tags come and ranges are taken", () => {
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
