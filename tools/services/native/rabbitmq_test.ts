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

Deno.test("erlangPorts() are below the ports of outgoing connections, whatever the broker's", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 65_535 }), (port) => {
    for (const each of Object.values(erlangPorts(port))) ok(each >= 10_000 && each <= 32_767, String(each));
  }));
});

Deno.test("erlangPorts() leaves ports that are taken alone", () => {
  deepStrictEqual(erlangPorts(5672, (port) => ![25_672, 25_673, 26_672].includes(port)), {
    distribution: 25_674,
    epmd: 26_673,
  });
  deepStrictEqual(erlangPorts(12_767, (port) => port !== 32_767).distribution, 10_000);
});
