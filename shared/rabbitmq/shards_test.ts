import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { eventRouting, shardOf } from "./shards.ts";

Deno.test("shardOf() is stable: a player's events stay in one queue across releases", () => {
  deepStrictEqual([10n, 11n, 12n, 1_000_000n, -1n, 2n ** 63n - 1n].map((id) => shardOf(id, 8)), [4, 3, 6, 4, 2, 5]);
});

Deno.test("shardOf() distributes ids evenly, also ids with a step or of one magnitude", () => {
  for (
    const [name, idOf] of Object.entries({
      "one after the other": (n: number) => BigInt(10 + n),
      "each eighth": (n: number) => BigInt(n * 8),
      "each thousandth": (n: number) => BigInt(n) * 1_000n,
      "of a snowflake": (n: number) => (1n << 60n) + (BigInt(n) << 22n),
    })
  ) {
    for (const shards of [2, 3, 4, 8, 32]) {
      const counts = Array.from({ length: shards }, () => 0);
      for (let n = 0; n < 32_000; n++) counts[shardOf(idOf(n), shards)]!++;
      const mean = 32_000 / shards;
      for (const count of counts) ok(Math.abs(count - mean) < mean * 0.15, `${name}, ${shards} shards: ${counts}`);
    }
  }
});

Deno.test("eventRouting() returns the exchange and the player's id for one queue, and the shard for several", () => {
  const one = eventRouting({ EVENTS_EXCHANGE: "events" });
  deepStrictEqual([one.exchange, one.routingKeyOf(12n)], ["events", "12"]);
  const four = eventRouting({ EVENTS_EXCHANGE: "events", EVENTS_SHARDS: 4 });
  strictEqual(four.exchange, "events.shards");
  deepStrictEqual([10n, 11n, 12n].map(four.routingKeyOf), [10n, 11n, 12n].map((id) => String(shardOf(id, 4))));
});
