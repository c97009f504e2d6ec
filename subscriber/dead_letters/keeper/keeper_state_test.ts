import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { silentLog as log } from "../../../shared/runtime/telemetry/log.ts";
import type { DeadLetter } from "../../../shared/rabbitmq/dead/dead_letter.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { KeeperState, noteKept } from "./keeper_state.ts";

function letter(reason: string, byBroker: boolean): DeadLetter {
  return { messageId: crypto.randomUUID(), reason, byBroker } as DeadLetter;
}

Deno.test("KeeperState reports a queue that shrinks, unless another consumer may have taken letters", () => {
  const told = (own: number, ...depths: [messageCount: number, consumerCount: number][]) => {
    const [state, clock] = [new KeeperState("q"), new VirtualClock()];
    for (const [messageCount, consumerCount] of depths) {
      state.watchDepth({ messageCount, consumerCount }, own, { clock, log });
    }
    return state.shrinks;
  };
  strictEqual(told(0, [5, 0], [9, 0], [9, 0]), 0);
  strictEqual(told(0, [5, 0], [4, 0], [3, 0]), 2);
  strictEqual(told(1, [5, 1], [4, 1]), 1);
  strictEqual(told(0, [5, 1], [4, 1]), 0);
  strictEqual(told(1, [5, 2], [4, 1]), 0);
  strictEqual(told(1, [5, 1], [4, 2]), 0);
});

Deno.test("KeeperState does not compare the queue's length with one from before it held letters", () => {
  const [state, clock] = [new KeeperState("q"), new VirtualClock()];
  state.watchDepth({ messageCount: 5, consumerCount: 0 }, 0, { clock, log });
  noteKept(state, [letter("invalid", false)], { clock, log });
  state.watchDepth({ messageCount: 1, consumerCount: 0 }, 0, { clock, log });
  strictEqual(state.shrinks, 0);
});

Deno.test("KeeperState counts letters of the broker by reason, and reports a policy for ten minutes", async () => {
  const [state, clock] = [new KeeperState("q"), new VirtualClock()];
  noteKept(state, [letter("invalid", false), letter("delivery-limit", true), letter("odd", true)], { clock, log });
  deepStrictEqual([state.kept, [...state.byBroker], state.problems({ clock })], [
    3,
    [["delivery-limit", 1], ["other", 1]],
    [],
  ]);
  noteKept(state, [letter("maxlen", true)], { clock, log });
  strictEqual(state.problems({ clock }).length, 1);
  await clock.advance(600_000);
  deepStrictEqual(state.problems({ clock }), []);
});

Deno.test("KeeperState counts the letters that wait, and reports them while they do", async () => {
  const [state, clock] = [new KeeperState("q"), new VirtualClock()];
  state.inHand = 200;
  deepStrictEqual([state.waiting, state.problems({ clock })], [0, []], "they are on their way into the table");
  state.held = "no tenant";
  const held = "Dead letters wait in q: Postgres does not accept them (no tenant); this subscriber holds 200 of them.";
  deepStrictEqual([state.waiting, state.problems({ clock })], [200, [held]]);
  await clock.advance(660_000);
  deepStrictEqual(state.problems({ clock }), [held]);

  state.held = undefined;
  state.rejected = { letters: 1, messageId: "m1", problem: "no threes" };
  const one = "Postgres rejects the dead letter m1 (no threes): it stays in q, and the keeper tries again.";
  deepStrictEqual([state.waiting, state.problems({ clock })], [1, [one]]);
  state.rejected = { letters: 2, messageId: "m1", problem: "no threes" };
  const two = "Postgres rejects 2 dead letters, including m1 (no threes): they stay in q, and the keeper tries again.";
  deepStrictEqual([state.waiting, state.problems({ clock })], [2, [two]]);
});
