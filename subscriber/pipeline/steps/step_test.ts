import { deepStrictEqual, rejects } from "node:assert/strict";
import { never } from "../../../shared/runtime/deadline.ts";
import { dead } from "../../../shared/rabbitmq/outcome.ts";
import { classifyStoreError, sqlStateOf } from "../../../shared/runtime/errors.ts";
import { bet, deliveryOf } from "../../../tests/fixtures/deliveries.ts";
import type { Fact } from "../entry.ts";
import { decodeAll } from "../process_batch.ts";
import { defineStep, inOrder } from "./step.ts";

const price = defineStep({ name: "price", needs: ["event"], adds: ["price"], read() {}, add: () => undefined });
const player = defineStep({ name: "player", needs: ["event"], adds: ["player"], read() {}, add: () => undefined });
/** All facts that no other step adds: a new fact needs no change here. */
const rest: Exclude<Fact, "messageId" | "sentId" | "event" | "price" | "player">[] = ["description"];
const describe = defineStep({
  name: "describe",
  needs: ["event", "price", "player"],
  adds: rest,
  read() {},
  add: () => undefined,
});

Deno.test("defineStep() reads once per batch, and skips entries with an outcome", async () => {
  const entries = decodeAll([deliveryOf(bet({ id: 1n })), deliveryOf(new Uint8Array()), deliveryOf(bet({ id: 3n }))]);
  entries[0]!.outcome = dead("unknown-currency", "ZZZ");
  const read: bigint[][] = [];
  const added: bigint[] = [];
  const step = defineStep({
    name: "player",
    needs: ["event"],
    adds: ["player"],
    read: (events) => void read.push(events.map(({ event }) => event.id)),
    add: ({ event }) => void added.push(event.id),
  });
  await step.run(entries, never);
  deepStrictEqual([read, added], [[[3n]], [3n]]);
  entries[2]!.outcome = dead("unknown-currency", "ZZZ");
  await step.run(entries, never);
  deepStrictEqual([read, added], [[[3n]], [3n]], "nothing is read for nobody");
});

Deno.test("defineStep() dead-letters the event on which it fails, and rethrows a read error", async () => {
  const entries = decodeAll([deliveryOf(bet({ id: 1n })), deliveryOf(bet({ id: 2n }))]);
  const failing = defineStep({
    name: "player",
    needs: [],
    adds: ["player"],
    read() {},
    add({ event }) {
      if (event.id === 1n) throw new Error("a fault of ours");
      return undefined;
    },
  });
  await failing.run(entries, never);
  deepStrictEqual(entries.map(({ outcome }) => outcome), [dead("processing-failed", "a fault of ours"), undefined]);
  const away = defineStep({
    name: "player",
    needs: [],
    adds: ["player"],
    read: () => Promise.reject(new Error("away")),
    add: () => undefined,
  });
  await rejects(away.run(entries, never), /away/);
});

Deno.test("inOrder() accepts steps whose requirements are met, and does not compile with others", () => {
  const names = (steps: readonly { readonly name: string }[]) => steps.map(({ name }) => name);
  deepStrictEqual(names(inOrder([price, player, describe])), ["price", "player", "describe"]);
  // @ts-expect-error: describe needs what player adds
  inOrder([price, describe, player]);
  // @ts-expect-error: no step adds the description
  inOrder([price, player]);
});

Deno.test("a step that cannot read names itself, and its cause decides whether an event may be at fault", async () => {
  const badCast = Object.assign(new Error("invalid input syntax for type bigint"), { code: "22P02" });
  const step = defineStep({
    ...{ name: "player", needs: ["event"], adds: ["player"], add: () => undefined },
    read: () => Promise.reject(badCast),
  });
  await rejects(step.run(decodeAll([deliveryOf(bet())]), never), (error: Error) => {
    const words = `the step "player" could not read its data: ${badCast.message}`;
    deepStrictEqual([classifyStoreError(error), sqlStateOf(error), error.message], ["refused", "22P02", words]);
    return true;
  });
});
