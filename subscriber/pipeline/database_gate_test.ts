import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { DatabaseGate } from "./database_gate.ts";

const [one, other] = [[{}, {}], [{}]];

Deno.test("DatabaseGate is closed, with the last problem, until the database accepts any batch", () => {
  const gate = new DatabaseGate(new VirtualClock());
  strictEqual(gate.isOpen, true);
  gate.close(one, "starting up");
  gate.close(other, "read-only");
  gate.close(one, "deadlock");
  deepStrictEqual([gate.isOpen, gate.problem, gate.refusals], [false, "deadlock", 3]);
  gate.open();
  deepStrictEqual([gate.isOpen, gate.problem, gate.refusals], [true, undefined, 3]);
});

Deno.test("DatabaseGate forgets only the problem of a batch that is no longer held", () => {
  const gate = new DatabaseGate(new VirtualClock());
  gate.close(one, "starting up");
  gate.close(other, "read-only");
  gate.leave(other);
  strictEqual(gate.problem, "starting up");
  gate.leave(one);
  strictEqual(gate.isOpen, true);
});

Deno.test("DatabaseGate stays closed for events that the database refuses while it accepts other batches", () => {
  const gate = new DatabaseGate(new VirtualClock());
  gate.close(one, "starting up");
  gate.close(other, "no such column", "refused");
  gate.open();
  strictEqual(gate.problem, "no such column");
  gate.leave(other);
  strictEqual(gate.isOpen, true);
});

Deno.test("DatabaseGate admits only events that the database may store, and none while it refuses everything", async () => {
  const clock = new VirtualClock();
  const gate = new DatabaseGate(clock);
  gate.close(one, "no partition", "refused");
  strictEqual(gate.mayTake, false);
  gate.open();
  deepStrictEqual([gate.isOpen, gate.mayTake], [false, true]);
  // The held batch retries, and no other batch arrives.
  await clock.advance(3_600_000);
  gate.close(one, "no partition", "refused");
  strictEqual(gate.mayTake, true);
  gate.close(other, "no partition", "refused");
  strictEqual(gate.mayTake, false);
  gate.open();
  await clock.advance(60_000);
  gate.close([{}], "no partition", "refused");
  strictEqual(gate.mayTake, true);
  gate.close([{}], "starting up");
  strictEqual(gate.mayTake, false);
});

Deno.test("DatabaseGate admits only events that the database may store while a batch that it holds is in doubt and the probe is accepted", async () => {
  const clock = new VirtualClock();
  const gate = new DatabaseGate(clock);
  gate.close(one, "lock timeout", "doubtful");
  strictEqual(gate.mayTake, false, "perhaps the disk is full");
  gate.open();
  deepStrictEqual([gate.isOpen, gate.mayTake], [true, true]);
  gate.close(one, "lock timeout", "doubtful");
  strictEqual(gate.mayTake, true);
  // Only the probe reaches the database.
  await clock.advance(3_600_000);
  gate.close(one, "lock timeout", "doubtful");
  gate.takesOthers();
  strictEqual(gate.mayTake, true);
  gate.close(other, "starting up");
  strictEqual(gate.mayTake, false);
});

Deno.test("DatabaseGate admits nothing once all batches are in doubt for long, or when their earlier state is unknown", async () => {
  const clock = new VirtualClock();
  const gate = new DatabaseGate(clock);
  gate.close(one, "lock timeout", "doubtful");
  gate.open();
  gate.close(one, "disk full", "doubtful");
  await clock.advance(600_000);
  gate.close(other, "disk full", "doubtful");
  strictEqual(gate.mayTake, false);
  const fresh = new DatabaseGate(clock);
  fresh.close(one, "starting up");
  fresh.open();
  fresh.close(other, "disk full", "doubtful");
  strictEqual(fresh.mayTake, false);
});
