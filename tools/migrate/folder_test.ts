import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { FolderError, newFileName, orderMigrations, pendingMigrations } from "./folder.ts";

const [one, two, three] = ["20240101000000_one.ts", "20240102000000_two.ts", "20240103000000_three_3.ts"];

function refuses(act: () => unknown, message: RegExp): void {
  throws(act, (error: unknown) => error instanceof FolderError && message.test(error.message));
}

Deno.test("orderMigrations() returns TypeScript files oldest first, and ignores others", () => {
  deepStrictEqual(orderMigrations([three, "README.md", one, ".DS_Store", two]), [one, two, three]);
});

Deno.test("orderMigrations() rejects names that nessie would skip silently", () => {
  for (
    const name of [
      "1_one.ts",
      "20240101000000.ts",
      "20240101000000_One.ts",
      "20240101000000_a__b.ts",
      "20240101000000_a-b.ts",
      "20240101000000_a_.ts",
      `20240101000000_${"x".repeat(90)}.ts`,
    ]
  ) {
    refuses(() => orderMigrations([name]), /needs another name/);
  }
});

Deno.test("orderMigrations() rejects two files with one timestamp, and reports all problems at once", () => {
  refuses(
    () => orderMigrations([one, "20240101000000_other.ts", "Bad.ts"]),
    /Bad\.ts needs another name[\s\S]*the same timestamp/,
  );
});

Deno.test("pendingMigrations() returns the migrations that the database lacks", () => {
  deepStrictEqual(pendingMigrations([one, two, three], [one]), [two, three]);
  deepStrictEqual(pendingMigrations([one, two], [two, one]), []);
  deepStrictEqual(pendingMigrations([], []), []);
});

Deno.test("pendingMigrations() rejects a file that is older than the newest applied one", () => {
  refuses(
    () => pendingMigrations([one, two, three], [one, three]),
    /20240102000000_two.ts is older than 20240103000000_three_3.ts, which is already applied/,
  );
});

Deno.test("pendingMigrations() rejects a database with a migration whose file is missing", () => {
  refuses(
    () => pendingMigrations([one], [one, two]),
    /20240102000000_two.ts is applied to the database, but is missing from the folder/,
  );
});

Deno.test("newFileName() uses the time, and rejects an invalid name or one that would not be the newest", () => {
  const now = Date.UTC(2024, 0, 2, 3, 4, 5);
  strictEqual(newFileName("add_bonus", [one], now), "20240102030405_add_bonus.ts");
  refuses(() => newFileName("Add Bonus", [one], now), /needs another name/);
  refuses(() => newFileName("add_bonus", [three], now), /would be older than 20240103000000_three_3.ts/);
});
