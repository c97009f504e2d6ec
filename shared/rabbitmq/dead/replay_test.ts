import { deepStrictEqual } from "node:assert/strict";
import { bet, deliveryOf } from "../../../tests/fixtures/deliveries.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import type { Headers, OutgoingMessage } from "../message.ts";
import { originHeaders } from "../origin/origin.ts";
import { shardOf } from "../shards.ts";
import { type DeadLetter, letterOf } from "./dead_letter.ts";
import { replay } from "./replay.ts";

const clock = new VirtualClock();

function letter(exchange: string, routingKey: string, body?: Uint8Array): DeadLetter {
  const headers: Headers = { [originHeaders.exchange]: exchange, [originHeaders.routingKey]: routingKey };
  const delivery = deliveryOf(bet({ playerId: 12n }));
  return letterOf({ ...delivery, headers, body: body ?? delivery.body });
}

/** Returns exchange and routing key of each replayed letter. */
async function routesOf(letters: readonly DeadLetter[], shards?: number) {
  const sent: OutgoingMessage[] = [];
  const source = {
    take: async function* () {
      yield await Promise.resolve(letters);
    },
    ...{ whole: (one: DeadLetter) => Promise.resolve(one), replayed: () => Promise.resolve() },
    kept: () => Promise.resolve(),
  };
  const publisher = { publish: (message: OutgoingMessage) => Promise.resolve(void sent.push(message)) };
  const stop = new AbortController().signal;
  await Array.fromAsync(
    replay(source, { exchange: "events", shards, publisher, clock, rate: undefined, force: false, stop }),
  );
  return sent.map(({ exchange, routingKey }) => [exchange, routingKey]);
}

Deno.test("replay() sends a letter to its player's current shard", async () => {
  const shard = (shards: number) => String(shardOf(12n, shards));
  const letters = [letter("events.shards", shard(4))];
  deepStrictEqual(await routesOf(letters, 4), [["events.shards", shard(4)]]);
  deepStrictEqual(await routesOf(letters, 3), [["events.shards", shard(3)]]);
  deepStrictEqual(await routesOf(letters, 1), [["events", shard(4)]], "one queue takes every key");
});

Deno.test("replay() sends a letter without a known player to its old shard if that exists", async () => {
  const letters = ["3", "7", "other"].map((key) => letter("events.shards", key, Uint8Array.of(7)));
  deepStrictEqual(await routesOf(letters, 4), [["events.shards", "3"], ["events.shards", "3"], ["events.shards", "0"]]);
  deepStrictEqual((await routesOf(letters, 2)).map(([, key]) => key), ["1", "1", "0"]);
});

Deno.test("replay() sends an unsharded letter back to its original route", async () => {
  const letters = [letter("events", "12"), letter("another", "a.key")];
  deepStrictEqual(await routesOf(letters, 4), [["events", "12"], ["events", "a.key"]]);
  deepStrictEqual(await routesOf(letters), [["events", "12"], ["events", "a.key"]]);
});
