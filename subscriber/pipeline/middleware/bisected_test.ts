import { deepStrictEqual, rejects } from "node:assert/strict";
import { never } from "../../../shared/runtime/deadline.ts";
import { ack } from "../../../shared/rabbitmq/outcome.ts";
import { bet, deliveryOf } from "../../../tests/fixtures/deliveries.ts";
import type { Process } from "../entry.ts";
import { bisected } from "./bisected.ts";

/** What Postgres says of a value out of range. */
const outOfRange = Object.assign(new Error("bigint out of range"), { code: "22003" });

function refusing(...poisonous: string[]) {
  const stored: string[][] = [];
  const process: Process = (deliveries) => {
    const ids = deliveries.map(({ messageId }) => messageId);
    if (ids.some((id) => poisonous.includes(id))) return Promise.reject(outOfRange);
    stored.push(ids);
    return Promise.resolve(deliveries.map((delivery) => ({ delivery, facts: undefined, outcome: ack })));
  };
  return { process, stored };
}

Deno.test("bisected() splits a batch around the rows that the database rejects, and stores the rest, each once", async () => {
  const batch = Array.from({ length: 21 }, (_, i) => deliveryOf(bet(), `message ${i}`));
  const { process, stored } = refusing("message 13", "message 20");
  const processed = await bisected(process)(batch, never);
  deepStrictEqual(processed.map(({ delivery }) => delivery), batch);
  deepStrictEqual(
    processed.flatMap(({ outcome }, i) => outcome.kind === "dead" ? [[i, outcome.reason, outcome.detail]] : []),
    [[13, "store-rejected", "bigint out of range"], [20, "store-rejected", "bigint out of range"]],
  );
  const good = batch.map(({ messageId }) => messageId).filter((id) => !["message 13", "message 20"].includes(id));
  deepStrictEqual(stored.flat(), good);
});

Deno.test("bisected() leaves a stored batch alone, and rethrows errors that no row caused", async () => {
  const batch = [deliveryOf(bet()), deliveryOf(bet())];
  const { process, stored } = refusing();
  await bisected(process)(batch, never);
  deepStrictEqual(stored, [batch.map(({ messageId }) => messageId)]);
  await rejects(bisected(() => Promise.reject(new Error("away")))(batch, never), /away/);
});
