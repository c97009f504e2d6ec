import { deepStrictEqual } from "node:assert/strict";
import { nearest } from "./nearest.ts";

Deno.test("nearest() finds the word behind a typing error, and nothing for another word", () => {
  const words = ["watch", "json", "help", "env-file", "version"];
  deepStrictEqual(
    ["wacth", "watc", "jsno", "jason", "evn-file", "versions", "h", "bogus", "", "quiet"].map((typed) =>
      nearest(typed, words)
    ),
    ["watch", "watch", "json", "json", "env-file", "version", undefined, undefined, undefined, undefined],
  );
});
