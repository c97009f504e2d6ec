import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { formatTraceparent, parseTraceparent } from "./traceparent.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";

Deno.test("parseTraceparent() reads W3C's own examples", () => {
  deepStrictEqual(parseTraceparent(`00-${traceId}-${spanId}-01`), { traceId, spanId, sampled: true });
  deepStrictEqual(parseTraceparent(`00-${traceId}-${spanId}-00`), { traceId, spanId, sampled: false });
});

Deno.test("parseTraceparent() looks at the sampled flag alone, and takes a later version with more fields", () => {
  strictEqual(parseTraceparent(`00-${traceId}-${spanId}-02`)?.sampled, false);
  strictEqual(parseTraceparent(`00-${traceId}-${spanId}-0f`)?.sampled, true);
  deepStrictEqual(parseTraceparent(`cc-${traceId}-${spanId}-01-what-the-future-holds`), {
    traceId,
    spanId,
    sampled: true,
  });
});

Deno.test("parseTraceparent() takes nothing that is not one", () => {
  const wrong = [
    ...[undefined, null, 7, {}, "", "00", `00-${traceId}-${spanId}`, `00-${traceId}-${spanId}-01-more`],
    ...[`ff-${traceId}-${spanId}-01`, `00-${"0".repeat(32)}-${spanId}-01`, `00-${traceId}-${"0".repeat(16)}-01`],
    ...[`00-${traceId.toUpperCase()}-${spanId}-01`, ` 00-${traceId}-${spanId}-01`, `00-${traceId}-${spanId}-01\n`],
  ];
  for (const value of wrong) strictEqual(parseTraceparent(value), undefined, JSON.stringify(value));
});

Deno.test("parseTraceparent() reads what formatTraceparent() writes", () => {
  const hex = (digits: number) =>
    fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: digits, maxLength: digits })
      .filter((id) => /[^0]/.test(id));
  const parents = fc.record({ traceId: hex(32), spanId: hex(16), sampled: fc.boolean() }, { noNullPrototype: true });
  fc.assert(fc.property(parents, (parent) => deepStrictEqual(parseTraceparent(formatTraceparent(parent)), parent)));
});
