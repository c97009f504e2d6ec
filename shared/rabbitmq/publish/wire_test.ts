import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { ConfirmChannel } from "amqplib";
import { messageFaultOf, Wire } from "./wire.ts";

const message = (bytes: number, alone = false) => ({ body: new Uint8Array(bytes), alone });

/** Sends the sizes that the wire admits. Returns the other sizes. */
function send(wire: Wire, ...sizes: number[]): number[] {
  return sizes.filter((bytes) => {
    const admitted = wire.admits(message(bytes), false);
    if (admitted) wire.entered();
    return !admitted;
  });
}

Deno.test("Wire sends a message that is larger than any before alone, and smaller ones together", () => {
  const wire = new Wire({} as ConfirmChannel);
  deepStrictEqual(send(wire, 100, 50), [50], "nothing is known of the first");
  strictEqual(wire.alone, true);
  strictEqual(wire.left(message(100), true), true);
  deepStrictEqual(send(wire, 50, 100, 101, 50), [101, 50], "nothing overtakes the one that waits");
  strictEqual(wire.alone, false);
  strictEqual(wire.left(message(50), true), false);
  strictEqual(wire.left(message(100), true), true);
  deepStrictEqual(send(wire, 101, 50), [50]);
});

Deno.test("Wire considers no size accepted before the broker confirms it", () => {
  const wire = new Wire({} as ConfirmChannel);
  send(wire, 100);
  wire.left(message(100), false);
  deepStrictEqual(send(wire, 100, 100), [100]);
});

Deno.test("Wire sends a suspected message alone, or reports that it must", () => {
  const wire = new Wire({} as ConfirmChannel);
  send(wire, 100);
  wire.left(message(100), true);
  send(wire, 1);
  deepStrictEqual([wire.admits(message(1, true), false), wire.admits(message(1), false)], [false, false]);
  strictEqual(wire.left(message(1), true), true);
  deepStrictEqual([wire.admits(message(1), true), wire.alone], [true, true]);
});

Deno.test("messageFaultOf() distinguishes a message's error from a broker that closes, and reads the limit", () => {
  const closed = (code: number | undefined, text: string) => messageFaultOf(Object.assign(new Error(text), { code }));
  const size = "PRECONDITION_FAILED - message size 5000 is larger than configured max size 4096";
  deepStrictEqual(closed(406, size), { detail: size, mostBytes: 4_096 });
  strictEqual(closed(501, "FRAME_ERROR")?.mostBytes, Infinity);
  for (const code of [undefined, 320, 403, 404, 541]) strictEqual(closed(code, "closed"), undefined);
});
