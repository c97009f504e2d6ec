import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { DatabaseGate } from "./database_gate.ts";

const [one, other] = [[{}, {}], [{}]];

Deno.test("DatabaseGate is closed, with the last problem, until the database takes any batch", () => {
  const gate = new DatabaseGate();
  strictEqual(gate.isOpen, true);
  gate.close(one, "starting up");
  gate.close(other, "read-only");
  gate.close(one, "deadlock");
  deepStrictEqual([gate.isOpen, gate.problem, gate.refusals], [false, "deadlock", 3]);
  gate.open();
  deepStrictEqual([gate.isOpen, gate.problem, gate.refusals], [true, undefined, 3]);
});

Deno.test("DatabaseGate forgets the problem of a batch that is no longer held, and no other's", () => {
  const gate = new DatabaseGate();
  gate.close(one, "starting up");
  gate.close(other, "read-only");
  gate.leave(other);
  strictEqual(gate.problem, "starting up");
  gate.leave(one);
  strictEqual(gate.isOpen, true);
});

Deno.test("DatabaseGate stays closed for what the database refuses while it takes other batches", () => {
  const gate = new DatabaseGate();
  gate.close(one, "starting up");
  gate.close(other, "no such column", true);
  gate.open();
  strictEqual(gate.problem, "no such column");
  gate.leave(other);
  strictEqual(gate.isOpen, true);
});
