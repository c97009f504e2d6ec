import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import type { LetterInHand } from "./letter_session.ts";
import { RejectedLetters } from "./rejected_letters.ts";

function letter(tag: number, bytes = 100): LetterInHand {
  const row = { letter: { messageId: `m${tag}` }, bytes, body: Uint8Array.of(tag), properties: new Uint8Array() };
  return { tag, consumer: "letters-1", row } as unknown as LetterInHand;
}

function tags(letters: readonly LetterInHand[]): number[] {
  return letters.map(({ tag }) => tag);
}

Deno.test("RejectedLetters retries each letter in turn, and restarts with the oldest after one is accepted", () => {
  const rejected = new RejectedLetters(new VirtualClock(), 60_000);
  const all = Array.from({ length: 150 }, (_, n) => letter(n));
  for (const each of all) rejected.add(each, "no");
  const first = rejected.turn();
  deepStrictEqual(tags(first), tags(all.slice(0, 100)));
  deepStrictEqual(tags(rejected.turn()), tags(all.slice(100)));
  deepStrictEqual(tags(rejected.turn()), tags(all.slice(0, 100)));
  rejected.remove(first[1]!);
  deepStrictEqual(tags(rejected.turn()).slice(0, 2), [0, 2]);
});

Deno.test("RejectedLetters is due after its delay, and never while it is empty", async () => {
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

Deno.test("RejectedLetters copies letters, so that it does not retain socket buffers", () => {
  const rejected = new RejectedLetters(new VirtualClock(), 60_000);
  const part = new Uint8Array(65_536).fill(7).subarray(10, 12);
  const one = letter(1);
  rejected.add({ ...one, row: { ...one.row, body: part, properties: part } }, "no");
  const [{ row }] = rejected.turn() as [LetterInHand];
  deepStrictEqual([row.body, row.body.buffer.byteLength, row.properties.buffer.byteLength], [
    Uint8Array.of(7, 7),
    2,
    2,
  ]);
});

Deno.test("RejectedLetters holds small letters within 4 MiB, overhead included", () => {
  const rejected = new RejectedLetters(new VirtualClock(), 60_000);
  for (let n = 0; n < 3_000; n++) rejected.add(letter(n, 0), "no");
  let [tried, last] = [0, -1];
  for (let turn = rejected.turn(); turn[0]!.tag > last; turn = rejected.turn()) {
    tried += turn.length;
    last = turn[0]!.tag;
  }
  deepStrictEqual([tried, rejected.told?.letters], [2_048, 3_000]);
});

Deno.test("RejectedLetters holds 4 MiB in memory, and reports all letters", () => {
  const rejected = new RejectedLetters(new VirtualClock(), 60_000);
  rejected.add(letter(1, 5_000_000), "too large");
  deepStrictEqual([rejected.told, rejected.turn()], [{ letters: 1, messageId: "m1", problem: "too large" }, []]);
  rejected.add(letter(2, 4_000_000), "no");
  rejected.add(letter(3, 4_000_000), "no");
  rejected.rejectedAgain(rejected.turn()[0]!, "still no");
  deepStrictEqual(rejected.told, { letters: 3, messageId: "m2", problem: "still no" });
});
