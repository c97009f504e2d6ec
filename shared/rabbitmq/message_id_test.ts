import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { mutatedBytes } from "../../tests/fixtures/mutated_bytes.ts";
import { messageIdOf, messageIdOfBody, parseMessageId, sentIdOf, uuidv7 } from "./message_id.ts";
import { originHeaders } from "./origin/origin.ts";

const version7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

Deno.test("uuidv7() sets version 7, the variant of RFC 9562 and the leading timestamp", () => {
  // The example of RFC 9562, appendix A.6.
  const random = Uint8Array.from([0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f]);
  strictEqual(uuidv7(0x017f22e279b0, random), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
  match(uuidv7(-5, new Uint8Array(10).fill(255)), version7);
});

Deno.test("messageIdOfBody() returns the same id for the same body, and another for another body", () => {
  const body = new TextEncoder().encode("body");
  strictEqual(messageIdOfBody(body, 0), messageIdOfBody(body.slice(), 0));
  notStrictEqual(messageIdOfBody(body, 0), messageIdOfBody(body.subarray(1), 0));
  match(messageIdOfBody(body, 0), version7);
});

Deno.test("parseMessageId() accepts UUIDs only, and returns them in lower case", () => {
  strictEqual(parseMessageId("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
  for (
    const other of [
      undefined,
      null,
      7,
      "",
      "42",
      "order-17",
      "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
      "urn:uuid:017f22e279b07cc398c4dc0c0c07398f",
      "00000000-0000-0000-0000-000000000000",
      "urn:uuid:00000000-0000-0000-0000-000000000000",
      "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
      "f".repeat(32),
      "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
      " 017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    ]
  ) {
    strictEqual(parseMessageId(other), undefined);
  }
});

Deno.test("parseMessageId() normalizes every notation of a UUID", () => {
  const id = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
  const hex = id.replaceAll("-", "");
  for (const form of [id, `urn:uuid:${id}`, `URN:UUID:${id}`, `{${id}}`, hex]) {
    strictEqual(parseMessageId(form), id, form);
    strictEqual(parseMessageId(form.toUpperCase()), id, form);
  }
});

Deno.test("parseMessageId() accepts only UUIDs, of 5,000 texts", () => {
  const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
  const text = fc.oneof(
    fc.uuid(),
    fc.uuid().map((id) => id.toUpperCase()),
    mutatedBytes(fc.uuid().map((id) => new TextEncoder().encode(id))).map((bytes) => new TextDecoder().decode(bytes)),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(text, (given) => {
      const isUuid = uuid.test(given);
      const none = isUuid && /^(?:0|f|-)+$/i.test(given) && new Set(given.toLowerCase()).size === 2;
      const hex = /^[0-9a-f]{32}$/i.test(given);
      const parsed = parseMessageId(given);
      if (hex) strictEqual(parsed?.replaceAll("-", ""), given.toLowerCase());
      else strictEqual(parsed, isUuid && !none ? given.toLowerCase() : undefined);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("messageIdOf() tells bodies apart under one invalid id, and identifies equal ones", () => {
  const [one, two] = ["amount 1", "amount 999999"].map((text) => new TextEncoder().encode(text));
  for (const none of ["order-17", "00000000-0000-0000-0000-000000000000", undefined]) {
    strictEqual(messageIdOf(none, one!), messageIdOf(none, one!.slice()));
    notStrictEqual(messageIdOf(none, one!), messageIdOf(none, two!));
  }
});

Deno.test("sentIdOf() returns the sent id when the message has another one, also after forwarding", () => {
  const id = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
  const passedOn = { [originHeaders.messageId]: "order-17" };
  deepStrictEqual(
    [sentIdOf("order-17", id, {}), sentIdOf(id.toUpperCase(), id, {}), sentIdOf(id, id, passedOn)],
    ["order-17", id.toUpperCase(), "order-17"],
  );
  for (const sent of [id, undefined, ""]) strictEqual(sentIdOf(sent, id, {}), undefined);
});
