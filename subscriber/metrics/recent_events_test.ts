import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type Enriched, unenriched } from "../enriched/enriched.ts";
import { bet, playerNamed } from "../../tests/fixtures/deliveries.ts";
import { mostKept, RecentEvents } from "./recent_events.ts";

function batchOf(from: number, count: number): Enriched[] {
  return Array.from({ length: count }, (_, i) => unenriched(String(from + i), bet()));
}

const idsOf = (recent: RecentEvents) => Array.from(recent.newest(), ({ messageId }) => Number(messageId));

Deno.test("RecentEvents keeps small batches whole, newest first", () => {
  const recent = new RecentEvents();
  deepStrictEqual(idsOf(recent), []);
  recent.add(batchOf(1, 3));
  recent.add(batchOf(4, 2));
  deepStrictEqual(idsOf(recent), [5, 4, 3, 2, 1]);
});

Deno.test("RecentEvents samples a large batch within its limit", () => {
  const recent = new RecentEvents();
  recent.add(batchOf(0, 500));
  strictEqual(idsOf(recent).length, 20);
  for (let i = 0; i < 1_000; i++) recent.add(batchOf(i * 20, 20));
  const ids = idsOf(recent);
  deepStrictEqual([ids.length, ids[0], ids.at(-1)], [mostKept, 19_999, 20_000 - mostKept]);
});

Deno.test("RecentEvents passes all events to its listeners until they end", () => {
  const recent = new RecentEvents();
  let heard = 0;
  const end = recent.listen((events) => heard += events.length);
  recent.add(batchOf(0, 500));
  end();
  recent.add(batchOf(0, 500));
  deepStrictEqual([heard, recent.listeners], [500, 0]);
});

Deno.test("RecentEvents.forget() removes one player's events and keeps the order, also after wrapping around", () => {
  const recent = new RecentEvents();
  for (let i = 0; i < 600; i++) recent.add([unenriched(String(i), bet({ playerId: i % 3 === 0 ? 11n : 12n }))]);
  strictEqual(recent.forget(13n), 0);
  strictEqual(recent.forget(11n), 166);
  deepStrictEqual([idsOf(recent).length, ...idsOf(recent).slice(0, 3), idsOf(recent).at(-1)], [
    334,
    599,
    598,
    596,
    100,
  ]);
  recent.add([unenriched("600", bet({ playerId: 12n }))]);
  deepStrictEqual([idsOf(recent).length, ...idsOf(recent).slice(0, 2)], [335, 600, 599]);
});

Deno.test("RecentEvents keeps no long text", () => {
  const recent = new RecentEvents();
  const email = "x".repeat(65_536);
  const [event] = batchOf(1, 1);
  recent.add([{ ...event!, player: playerNamed(email), description: `Player #1 (${email})` }]);
  const [{ description, player }] = [...recent.newest()] as [Enriched];
  deepStrictEqual([description.length, player!.email!.length], [1_025, 1_025]);
});
