import { deepStrictEqual } from "node:assert/strict";
import { columns } from "../enriched/enriched.ts";
import { batchTables, columnProblem, eventsProblem, type FoundColumn, totalsTables, typeProblem } from "./tables.ts";

const found = (table: string, name: string, type: string, changes: Partial<FoundColumn> = {}): FoundColumn => ({
  ...{ table, name, type, shown: type, modifier: -1, number: 1, own: { type: "0", modifier: "-1" } },
  ...{ isNotNull: false, hasDefault: false, isGenerated: false, mayChangeRows: false, ...changes },
});

const tables = { ...batchTables, ...totalsTables };

/** Columns of exactly the types that are written. */
const made = [
  ...columns.map(({ name, type, nullable }) => found("events", name, type, { isNotNull: !nullable })),
  ...Object.entries(tables).flatMap(([table, columns]) =>
    Object.entries(columns).map(([name, type]) => found(table, name, type.replace(/^(.*)\[\]$/, "_$1")))
  ),
];

function changed(table: string, name: string, ...to: [type: string, changes?: Partial<FoundColumn>][]): FoundColumn[] {
  const without = made.filter((column) => column.table !== table || column.name !== name);
  return [...without, ...to.map(([type, changes]) => found(table, name, type, changes))];
}

Deno.test("columnProblem() names a column that does not fit the rows", () => {
  const cases: [FoundColumn[], string | undefined][] = [
    [made, undefined],
    [[...made, found("events", "stored_at", "timestamptz", { isNotNull: true, hasDefault: true })], undefined],
    [[...made, found("events", "note", "text")], undefined],
    [[], "the table events does not exist; run `deno task migrate`"],
    [changed("events", "rate"), "events.rate is missing; run `deno task migrate`"],
    [changed("events", "rate", ["float8"]), "events.rate is of type float8, not numeric; alter it back"],
    [changed("events", "player_email", ["varchar", { modifier: 14 }]), undefined],
    [
      changed("events", "amount", ["int8", { isNotNull: true, hasDefault: true }]),
      "events.amount is not null, but some events have no value for it",
    ],
    [changed("events", "type", ["text"]), undefined],
    [
      [...made, found("events", "country", "text", { isNotNull: true })],
      "events.country is not null and has no default, and this version does not write it",
    ],
  ];
  for (const [columns, problem] of cases) deepStrictEqual(columnProblem(columns), problem);
});

/** A modifier as `numerictypmodin` packs it. */
const numeric = (precision: number, scale: number) => ({ modifier: (precision << 16 | (scale & 0x7ff)) + 4 });

Deno.test("eventsProblem() and typeProblem() find only the modifiers that round", () => {
  const cases: [table: string, name: string, type: string, changes: Partial<FoundColumn>, rounds: boolean][] = [
    ["events", "rate", "numeric", numeric(40, 20), false],
    ["events", "rate", "numeric", numeric(33, 18), false],
    ["events", "rate", "numeric", numeric(33, 17), true],
    ["events", "created_at", "timestamptz", { modifier: 6 }, false],
    ["events", "created_at", "timestamp", { modifier: 5 }, true],
    ["player_totals", "deposits_eur", "numeric", numeric(10, 0), false],
    ["player_totals", "deposits_eur", "numeric", numeric(1_000, 1_000), false],
    ["player_totals", "deposits_eur", "numeric", numeric(10, -3), true],
    ["batch_totals", "deposits_eur", "_numeric", numeric(10, -1), true],
    ["player_leaders", "bets", "_numeric", numeric(10, -1_000), true],
    ["event_counts", "second", "timestamptz", { modifier: 0 }, false],
  ];
  for (const [table, name, type, changes, rounds] of cases) {
    const columns = changed(table, name, [type, changes]);
    const problem = table === "events" ? eventsProblem(columns) : typeProblem(columns, tables);
    deepStrictEqual(problem?.includes("rounds the values") ?? false, rounds, `${table}.${name} ${problem}`);
  }
});
