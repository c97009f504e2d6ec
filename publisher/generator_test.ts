import { deepStrictEqual, match, notDeepStrictEqual, strictEqual } from "node:assert/strict";
import { encodeEvent } from "../shared/event/protobuf.ts";
import { eventTypes } from "../shared/event/kinds.ts";
import { seededRandom } from "../shared/runtime/random.ts";
import { generateEvents } from "./generator.ts";

function generate(seed: number, count: number, players = 10) {
  const timeMs = (n: number) => 1_700_000_000_000 + n * 1000;
  const events = generateEvents({ random: seededRandom(seed), players, firstId: 1n, timeMs });
  return Array.from({ length: count }, () => events.next().value);
}

Deno.test("generateEvents() returns the same events, ids and times for a seed, and others for another seed", () => {
  deepStrictEqual(generate(7, 200), generate(7, 200));
  notDeepStrictEqual(generate(7, 200), generate(8, 200));
});

Deno.test("generateEvents() returns valid events of every type, with ascending ids and unique message ids", () => {
  const generated = generate(1, 5_000, 25);
  deepStrictEqual(
    new Set(generated.map(({ event }) => event.type)),
    new Set(eventTypes),
  );
  strictEqual(new Set(generated.map(({ messageId }) => messageId)).size, 5_000);
  generated.forEach(({ messageId, event }, n) => {
    strictEqual(event.id, BigInt(n + 1));
    strictEqual(event.playerId >= 10n && event.playerId < 35n, true);
    match(messageId, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/);
    strictEqual("amount" in event && event.amount <= 0n, false);
    encodeEvent(event);
  });
});
