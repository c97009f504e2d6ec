import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type LetterRow, writtenColumns } from "../letter_row.ts";
import { LetterWriter } from "./letter_writer.ts";

const detailAt = writtenColumns.findIndex(([name]) => name === "detail");

function row(detail: string): LetterRow {
  const values = writtenColumns.slice(0, -2).map(([name]) => name === "detail" ? detail : name);
  return {
    letter: { messageId: detail, reason: "invalid", byBroker: false },
    values,
    bytes: 100,
  } as unknown as LetterRow;
}

function rows(details: string): LetterRow[] {
  return Array.from(details, row);
}

function names(found: Iterable<LetterRow>): string {
  return Array.from(found, ({ values }) => values[detailAt]).join("");
}

/** Returns a table that refuses letters by their detail. */
function table(refuses: (detail: string) => string | undefined) {
  const check = (some: readonly LetterRow[]) => {
    calls.count++;
    for (const { values } of some) {
      const code = refuses(values[detailAt]!);
      if (code !== undefined) return Promise.reject(Object.assign(new Error(`refused by ${code}`), { code }));
    }
    return Promise.resolve();
  };
  const calls = { count: 0 };
  return { calls, keep: check, rehearse: (some: LetterRow) => check([some]) };
}

async function written(details: string, refuses: (detail: string) => string | undefined, isThorough = true) {
  const writer = new LetterWriter(table(refuses));
  const { taken, rejected, left } = await writer.write(rows(details), isThorough);
  return [names(taken), names(rejected.keys()), names(left)];
}

Deno.test("LetterWriter rejects a letter that Postgres refuses alone, by any error, while it accepts others", async () => {
  for (const code of ["23514", "P0001", "XX000", "40001", "53100"]) {
    deepStrictEqual(await written("abxcx", (detail) => detail === "x" ? code : undefined), ["abc", "xx", ""], code);
  }
  deepStrictEqual(await written("xx", (detail) => detail === "x" ? "P0001" : undefined), ["", "xx", ""], "a probe");
});

Deno.test("LetterWriter leaves everything when Postgres accepts nothing, and probes little unless thorough", async () => {
  deepStrictEqual(await written("abc", () => "23502"), ["", "", "abc"]);
  const refusing = table(() => "23502");
  await new LetterWriter(refusing).write(rows("a".repeat(100)), false);
  strictEqual(refusing.calls.count, 2);
});

Deno.test("LetterWriter accepts its own letters as evidence when every probe is refused", async () => {
  const refuses = (detail: string) => "ab".includes(detail) ? undefined : "P0001";
  const own = { ...table(refuses), rehearse: () => Promise.reject(Object.assign(new Error("no"), { code: "P0001" })) };
  const { taken, rejected, left } = await new LetterWriter(own).write(rows("xabx"), true);
  // The table may refuse everything since the last letter that it took.
  deepStrictEqual([names(taken), names(rejected.keys()), names(left)], ["ab", "x", "x"]);
});

Deno.test("LetterWriter leaves all letters for a retry when the database goes away, also during a bisection", async () => {
  deepStrictEqual(await written("abc", () => "57P01"), ["", "", "abc"]);
  const refuses = (detail: string) => ({ x: "P0001", y: "57P01" })[detail];
  deepStrictEqual(await written("axby", refuses), ["a", "", "xby"]);
});

Deno.test("LetterWriter probes with a letter like the last accepted one", async () => {
  const writer = new LetterWriter(table((detail) => detail === "a" ? undefined : "P0001"));
  await writer.write(rows("a"), true);
  const { rejected, left } = await writer.write(rows("x"), true);
  deepStrictEqual([names(rejected.keys()), names(left)], ["x", ""]);
});
