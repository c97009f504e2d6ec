import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { uuidv7 } from "../../shared/rabbitmq/message_id.ts";
import { bet } from "../../tests/fixtures/deliveries.ts";
import type { FoundLetter } from "./letters.ts";
import { type Findings, foundEvent } from "./stations.ts";

const publishedMs = Date.UTC(2026, 10, 29, 12);
const messageId = uuidv7(publishedMs, new Uint8Array(10));
const at = (time: string) => `2026-11-29T${time}.000000Z`;

function letter(changes: Partial<FoundLetter>): FoundLetter {
  return {
    ...{ id: 1n, messageId, sentId: undefined, event: bet(), publishedMs: undefined, publishedBy: undefined },
    ...{ status: "dead", reason: "store-rejected", detail: "no partition", attempts: 1, replays: 0, edits: 0 },
    ...{ subscriber: "one", failedAt: at("12:00:05"), keptAt: at("12:00:06"), actedAt: undefined, actedBy: undefined },
    ...{ storedAt: undefined, storedBy: undefined, ...changes },
  };
}

function stationsOf(findings: Partial<Findings>) {
  const { stations } = foundEvent({ messageId, held: [], letters: [], ...findings }, publishedMs + 60_000);
  return stations.map(({ station, at, by }) => [station, at, by]);
}

Deno.test("foundEvent() lists the stations of all letters by time, with users", () => {
  const first = letter({ status: "replayed", actedAt: at("12:05:00"), actedBy: "john", edits: 1 });
  const second = letter({
    id: 2n,
    status: "dropped",
    failedAt: at("12:06:00"),
    actedAt: at("12:10:00"),
    actedBy: "jane",
  });
  const letters = [second, first];
  deepStrictEqual(stationsOf({ letters }), [
    ["published", "2026-11-29T12:00:00.000Z", null],
    ["dead", at("12:00:05"), "one"],
    ["edited", null, null],
    ["replayed", at("12:05:00"), "john"],
    ["dead", at("12:06:00"), "one"],
    ["dropped", at("12:10:00"), "jane"],
  ]);
  strictEqual(foundEvent({ messageId, held: [], letters }, 0).state, "dropped");
});

Deno.test("foundEvent() shows a letter that was resolved because its event is stored", () => {
  const closed = letter({
    ...{ status: "resolved", actedAt: at("12:05:00"), actedBy: "john" },
    ...{ storedAt: at("12:05:01"), storedBy: "two" },
  });
  deepStrictEqual(stationsOf({ letters: [closed] }).slice(1), [
    ["dead", at("12:00:05"), "one"],
    ["replayed", at("12:05:00"), "john"],
    ["resolved", at("12:05:01"), "two"],
  ]);
});

Deno.test("foundEvent() takes the time of publication from the message, else from the message id, else has none", () => {
  const held = (published_ms: number | null) => [{
    by: "one",
    held: {
      ...{ message_id: messageId, sent_id: null, event: null, published_ms },
      ...{ doing: "in a batch", problem: null, held_ms: 4_000 },
    },
  }];
  deepStrictEqual(stationsOf({ held: held(publishedMs + 7) }), [
    ["published", "2026-11-29T12:00:00.007Z", null],
    ["held", "2026-11-29T12:00:56.000Z", "one"],
  ]);
  deepStrictEqual(stationsOf({ held: held(null) })[0], ["published", "2026-11-29T12:00:00.000Z", null]);
  for (const foreign of [uuidv7(0, new Uint8Array(10)), "017f22e2-79b0-4cc3-98c4-dc0c0c07398f"]) {
    deepStrictEqual(stationsOf({ messageId: foreign })[0], ["published", null, null], foreign);
  }
});
