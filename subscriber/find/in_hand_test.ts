import { deepStrictEqual } from "node:assert/strict";
import { bet, deliveryOf, gameStart } from "../../tests/fixtures/deliveries.ts";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { answerOf, type InHand, mostHeld, questionOf } from "./in_hand.ts";
import { type FindWords, parseFind } from "./query.ts";

const uuid = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
const [held, waiting, behind] = [
  deliveryOf(bet({ id: 7n }), uuid),
  { ...deliveryOf(bet({ id: 8n, playerId: 2n ** 62n })), sentId: "order-17" },
  deliveryOf(gameStart({ id: 9n })),
];
const undecodable = deliveryOf(new Uint8Array([255]));

function inHand(changes: Partial<InHand> = {}) {
  const clock = new VirtualClock();
  const since = clock.monotonic() - 4_000;
  return {
    work: () => [
      { deliveries: [undecodable, held], doing: "in a batch" as const, since },
      { deliveries: [waiting], doing: "waiting for rates" as const, since: since + 1_000 },
    ],
    atHand: () => [behind],
    problemOf: (delivery: unknown) => delivery === held ? "no postgres://me:secret@host/\n" : undefined,
    clock,
    ...changes,
  };
}

function answerTo(words: FindWords, of: InHand = inHand()) {
  return JSON.parse(answerOf(questionOf(parseFind(words)), of));
}

function idsFor(words: FindWords): string[] {
  return answerTo(words).map(({ message_id }: { message_id: string }) => message_id);
}

Deno.test("answerOf() returns the event's stage, how long it takes, and why it is held", () => {
  deepStrictEqual(answerTo({ id: "7" }), [{
    message_id: uuid,
    sent_id: null,
    event: {
      ...{ id: 7, player_id: 11, game_id: 101, type: "bet", amount: 500, currency: "USD", has_won: false },
      created_at: "2022-02-02T23:45:00Z",
    },
    ...{ published_ms: null, doing: "in a batch", problem: "no postgres://me:***@host/\\u000a", held_ms: 4_000 },
  }]);
});

Deno.test("answerOf() finds by each form of id, or by player and time, and ignores similar events", () => {
  deepStrictEqual(idsFor({ id: `urn:uuid:${uuid.toUpperCase()}` }), [held.messageId]);
  deepStrictEqual(idsFor({ id: "order-17" }), [waiting.messageId]);
  deepStrictEqual(idsFor({ id: "9" }), [behind.messageId]);
  deepStrictEqual(idsFor({ id: "17" }), []);
  deepStrictEqual(idsFor({ player: "11", at: "2022-02-02T23:50" }), [held.messageId]);
  deepStrictEqual(idsFor({ player: "11", at: "2022-02-02T23:50:01" }), []);
  deepStrictEqual(idsFor({ player: String(2n ** 62n), at: "2022-02-02T23:00Z", within: "45m" }), [waiting.messageId]);
});

Deno.test("answerOf() is bounded, and returns no event for an unreadable question", () => {
  const work = () => [{ deliveries: Array(500).fill(held), doing: "in a batch" as const, since: 0 }];
  deepStrictEqual(answerTo({ id: "7" }, inHand({ work })).length, mostHeld);
  for (const question of ["", "null", "7", "[]", "{}", '{"text":7}']) {
    deepStrictEqual(answerOf(question, inHand()), "[]", question);
  }
});
