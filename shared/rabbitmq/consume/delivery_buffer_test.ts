import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { DeliveryBuffer } from "./delivery_buffer.ts";

const never = new AbortController().signal;

Deno.test("DeliveryBuffer returns requeued deliveries before added ones, each in order", () => {
  const call = fc.constantFrom("add", "requeue", "next");
  fc.assert(fc.property(fc.array(call, { maxLength: 5_000, size: "max" }), (calls) => {
    const buffer = new DeliveryBuffer<number>();
    const [first, rest]: [number[], number[]] = [[], []];
    calls.forEach((call, i) => {
      if (call === "add") buffer.add(i), rest.push(i);
      else if (call === "requeue") buffer.requeue(i), first.push(i);
      else strictEqual(buffer.next(), first.length > 0 ? first.shift() : rest.shift());
      strictEqual(buffer.size, first.length + rest.length);
    });
  }));
});

Deno.test("DeliveryBuffer keeps the order of very many deliveries", () => {
  const buffer = new DeliveryBuffer<number>();
  for (let i = 0; i < 100_000; i++) buffer.add(i);
  for (let i = 0; i < 100_000; i++) strictEqual(buffer.next(), i);
  strictEqual(buffer.next(), undefined);
});

Deno.test("DeliveryBuffer.take() wakes when another woken caller is aborted before it takes", async () => {
  for (const which of [0, 1]) {
    const buffer = new DeliveryBuffer<string>();
    const aborts = [new AbortController(), new AbortController()];
    const takes = aborts.map(({ signal }) => buffer.take(1, signal));
    buffer.add("x");
    aborts[which]!.abort();
    deepStrictEqual([await takes[which], await takes[1 - which]], [[], ["x"]]);
  }
});

Deno.test("DeliveryBuffer.take() returns deliveries that arrive after clear()", async () => {
  const buffer = new DeliveryBuffer<string>();
  buffer.add("gone");
  buffer.requeue("gone too");
  buffer.clear();
  const taking = buffer.take(10, never);
  buffer.add("x");
  deepStrictEqual(await taking, ["x"]);
});
