import { deepStrictEqual, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mostHeldBy } from "./held_bytes.ts";

Deno.test("mostHeldBy() counts every text, key and value at any depth", () => {
  const text = "x".repeat(1_000);
  const one = mostHeldBy(text);
  ok(one >= 10 * text.length, "a text is there up to four times, in up to three bytes a character");
  for (const value of [{ a: text, b: text }, [text, text], { a: { [text]: [text] } }, [[Buffer.from(text)], text]]) {
    ok(mostHeldBy(value) > 2 * one, JSON.stringify(value).slice(0, 20));
  }
  let deep: unknown = text;
  for (let level = 0; level < 26_000; level++) deep = [deep];
  ok(mostHeldBy(deep) > 26_000 * mostHeldBy([]));
});

Deno.test("mostHeldBy() counts what each value was measured to take in V8", () => {
  // Bytes per value of 1,000 values, parsed both ways; docs/reliability.md says how large a message may be.
  const measured: readonly [value: unknown, bytes: number][] = [
    [{}, 260],
    [Buffer.alloc(0), 330],
    [[], 83],
    [null, 20],
    [true, 18],
    [5, 58],
    [2 ** 40, 80],
    [0.5, 72],
    ["", 20],
    ["abc", 68],
    [{ "!": "decimal", value: { places: 1, digits: 5 } }, 176],
  ];
  deepStrictEqual(measured.filter(([value, bytes]) => mostHeldBy(Array(1_000).fill(value)) < 1_000 * bytes), []);
});
