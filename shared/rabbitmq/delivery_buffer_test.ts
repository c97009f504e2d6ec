import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { DeliveryBuffer } from "./delivery_buffer.ts";

const never = new AbortController().signal;

Deno.test("DeliveryBuffer gives what was put back before what was added, each in its order, whatever the order of calls", () => {
  const call = fc.constantFrom("add", "put back", "next");
  fc.assert(fc.property(fc.array(call, { maxLength: 5_000, size: "max" }), (calls) => {
    const atHand = new DeliveryBuffer<number>();
    const [first, rest]: [number[], number[]] = [[], []];
    calls.forEach((call, i) => {
      if (call === "add") atHand.add(i), rest.push(i);
      else if (call === "put back") atHand.requeue(i), first.push(i);
      else strictEqual(atHand.next(), first.length > 0 ? first.shift() : rest.shift());
      strictEqual(atHand.size, first.length + rest.length);
    });
  }));
});

Deno.test("DeliveryBuffer keeps the order of very many", () => {
  const atHand = new DeliveryBuffer<number>();
  for (let i = 0; i < 100_000; i++) atHand.add(i);
  for (let i = 0; i < 100_000; i++) strictEqual(atHand.next(), i);
  strictEqual(atHand.next(), undefined);
});

Deno.test("DeliveryBuffer.take() goes on when the one who was woken with it is aborted before it takes", async () => {
  for (const which of [0, 1]) {
    const atHand = new DeliveryBuffer<string>();
    const aborts = [new AbortController(), new AbortController()];
    const takes = aborts.map(({ signal }) => atHand.take(1, signal));
    atHand.add("x");
    aborts[which]!.abort();
    deepStrictEqual([await takes[which], await takes[1 - which]], [[], ["x"]]);
  }
});

Deno.test("DeliveryBuffer.take() goes on after clear() with what comes later", async () => {
  const atHand = new DeliveryBuffer<string>();
  atHand.add("gone");
  atHand.requeue("gone too");
  atHand.clear();
  const taking = atHand.take(10, never);
  atHand.add("x");
  deepStrictEqual(await taking, ["x"]);
});
