import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { cutTo, mostShown, plural, printable, printableJson } from "./printable.ts";

/** The same characters by Unicode properties, independently of the code's ranges. */
const obeyed = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom(
      ...["\x1b", "\x9b", "\x7f", "\0", "\n", "\r", "\u202e", "\u2066", "\u2069", "\u2028", "\u200f", "\u061c"],
      ...["a", "é", "🎰", '"', "\\", "\ud800"],
    ),
    maxLength: 50,
  }),
);

Deno.test("printable() escapes control characters like JSON, and keeps everything else", () => {
  strictEqual(
    printable("a\x1b[2Jb\u009b31m\u007f\n\u202eevil\u2066\u2028"),
    "a\\u001b[2Jb\\u009b31m\\u007f\\u000a\\u202eevil\\u2066\\u2028",
  );
  strictEqual(printable("größer: 名前 🎰 It's bananas!"), "größer: 名前 🎰 It's bananas!");
});

Deno.test("printable() lets nothing through that controls a terminal, of 5,000 texts", () => {
  fc.assert(fc.property(anyText, (text) => ok(!obeyed.test(printable(text)))), { numRuns: 5_000 });
});

Deno.test("printable() shows the beginning of a text of 10 MiB", () => {
  const shown = printable("x".repeat(10 * 1_048_576));
  deepStrictEqual([shown.length, shown.endsWith("x…")], [mostShown + 1, true]);
});

Deno.test("printableJson() changes no value and leaves no control character, in 5,000 texts", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const json = printableJson(JSON.stringify({ [text]: [text] }));
      deepStrictEqual(JSON.parse(json), { [text]: [text] });
      ok(!obeyed.test(json), json);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("cutTo() never cuts a character in half", () => {
  strictEqual(cutTo("a🎰b", 2), "a…");
  strictEqual(cutTo("a🎰b", 3), "a🎰…");
  strictEqual(cutTo("a🎰b", 4), "a🎰b");
});

Deno.test("plural() distinguishes one from many", () => {
  const counted = [0, 1, 2].map((count) => plural(count, "event"));
  deepStrictEqual([...counted, plural(2, "currency", "currencies")], [
    "0 events",
    "1 event",
    "2 events",
    "2 currencies",
  ]);
});
