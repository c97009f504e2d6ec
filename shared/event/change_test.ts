import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { bet } from "../../tests/fixtures/deliveries.ts";
import { applyChange, type Change } from "./change.ts";
import { eventToJson } from "./json.ts";
import { encodeEvent } from "./protobuf.ts";

function changed(body: Uint8Array, change: Change): unknown {
  const result = applyChange(body, change);
  return "event" in result ? eventToJson(result.event) : result.problem;
}

const valid = bet({ id: 2n ** 62n, currency: "USD" });
const withoutCurrency = encodeEvent(bet({ id: 2n ** 62n, currency: "" }));

Deno.test("applyChange() fills in a missing field, and keeps the others to the last digit", () => {
  deepStrictEqual(
    changed(withoutCurrency, { set: [{ key: "currency", value: "USD" }], where: [{ key: "currency", value: "" }] }),
    eventToJson(valid),
  );
});

Deno.test("applyChange() changes no event that differs from where, and reports the difference", () => {
  const change = { set: [{ key: "currency", value: "EUR" }], where: [{ key: "currency", value: "" }] };
  strictEqual(changed(encodeEvent(valid), change), 'where does not match: currency is "USD", not ""');
});

Deno.test("applyChange() rejects every event that validation would reject", () => {
  const body = encodeEvent(valid);
  const set = (key: string, value: string) => String(changed(body, { set: [{ key, value }] }));
  match(set("amount", "-5"), /amount = -5 must be 0 or more/);
  match(set("amount", "a lot"), /amount = "a lot" must be a 64-bit integer/);
  match(set("currency", ""), /currency is missing/);
  match(set("has_won", "maybe"), /has_won = "maybe" must be true or false/);
  match(set("created_at", "yesterday"), /created_at = "yesterday" must be an RFC 3339 time/);
  match(set("type", "spin"), /type = "spin" must be one of/);
  match(String(changed(body, { json: "{" })), /is not JSON/);
});

Deno.test("applyChange() replaces an undecodable body only by a complete event", () => {
  const body = new TextEncoder().encode("no event");
  match(String(changed(body, { set: [{ key: "currency", value: "EUR" }] })), /the body is not an event: /);
  deepStrictEqual(changed(body, { json: JSON.stringify(eventToJson(valid)) }), eventToJson(valid));
});
