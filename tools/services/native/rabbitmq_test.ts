import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { erlangPorts } from "./rabbitmq.ts";

Deno.test("erlangPorts() keeps brokers at neighbouring ports apart", () => {
  deepStrictEqual(erlangPorts(5672), { distribution: 25_672, epmd: 26_672 });
  fc.assert(fc.property(fc.integer({ min: 1024, max: 65_500 }), fc.integer({ min: 1, max: 35 }), (port, distance) => {
    const used = [port, port + distance].flatMap((each) => [each, ...Object.values(erlangPorts(each))]);
    return new Set(used).size === used.length;
  }));
});

Deno.test("erlangPorts() are ports, whatever the broker's", () => {
  fc.assert(fc.property(fc.integer({ min: 1024, max: 65_535 }), (port) => {
    for (const each of Object.values(erlangPorts(port))) ok(each >= 1024 && each <= 65_535, String(each));
  }));
});

Deno.test("erlangPorts() leaves ports that are taken alone", () => {
  deepStrictEqual(erlangPorts(5672, (port) => ![25_672, 25_671, 26_672].includes(port)), {
    distribution: 25_670,
    epmd: 26_671,
  });
});
