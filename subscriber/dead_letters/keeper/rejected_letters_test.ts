import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import type { LetterInHand } from "./letter_session.ts";
import { RejectedLetters } from "./rejected_letters.ts";

function letter(tag: number, bytes = 100): LetterInHand {
  return { tag, consumer: "letters-1", row: { letter: { messageId: `m${tag}` }, bytes } } as LetterInHand;
}

function tags(letters: readonly LetterInHand[]): number[] {
  return letters.map(({ tag }) => tag);
}

Deno.test("RejectedLetters has each letter its turn, and begins again with the oldest when one was taken", () => {
  const rejected = new RejectedLetters(new VirtualClock(), 60_000);
  const all = Array.from({ length: 150 }, (_, n) => letter(n));
  for (const each of all) rejected.add(each, "no");
  deepStrictEqual(tags(rejected.turn()), tags(all.slice(0, 100)));
  deepStrictEqual(tags(rejected.turn()), tags(all.slice(100)));
  deepStrictEqual(tags(rejected.turn()), tags(all.slice(0, 100)));
  rejected.remove(all[1]!);
  deepStrictEqual(tags(rejected.turn()).slice(0, 2), [0, 2]);
});

Deno.test("RejectedLetters is due after its time, and never while there is none", async () => {
  const clock = new VirtualClock();
  const rejected = new RejectedLetters(clock, 60_000);
  strictEqual(rejected.dueInMs, Infinity);
  rejected.add(letter(1), "no");
  await clock.advance(59_000);
  rejected.add(letter(2), "no");
  strictEqual(rejected.dueInMs, 1_000);
  await clock.advance(1_000);
  strictEqual(rejected.dueInMs, 0);
  rejected.postpone();
  strictEqual(rejected.dueInMs, 60_000);
  rejected.remove(rejected.turn()[0]!);
  rejected.remove(rejected.turn()[0]!);
  rejected.postpone();
  deepStrictEqual([rejected.dueInMs, rejected.told], [Infinity, undefined]);
});

Deno.test("RejectedLetters keeps 4 MiB in memory, and tells of all", () => {
  const rejected = new RejectedLetters(new VirtualClock(), 60_000);
  rejected.add(letter(1, 5_000_000), "too large");
  deepStrictEqual([rejected.told, rejected.turn()], [{ letters: 1, messageId: "m1", problem: "too large" }, []]);
  rejected.add(letter(2, 4_000_000), "no");
  rejected.add(letter(3, 4_000_000), "no");
  rejected.rejectedAgain(rejected.turn()[0]!, "still no");
  deepStrictEqual(rejected.told, { letters: 3, messageId: "m2", problem: "still no" });
});
