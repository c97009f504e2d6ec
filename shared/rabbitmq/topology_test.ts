import { deepStrictEqual } from "node:assert/strict";
import { eventsQueuesOf, eventTopology, exchangesOf } from "./topology.ts";

const names = { EVENTS_EXCHANGE: "events", EVENTS_QUEUE: "events.queue", DEAD_LETTER_QUEUE: "dead" };

Deno.test("eventTopology() treats the arguments for unknown when somebody else declared the queue, unless told otherwise", () => {
  const said = (["declare", "check", "provisioned"] as const).map((TOPOLOGY) =>
    eventTopology({ ...names, TOPOLOGY }).map(({ checkOnly = false, unverified = false }) => [checkOnly, unverified])
  );
  deepStrictEqual(said, [
    [[false, false], [false, false]],
    [[true, true], [true, true]],
    [[true, false], [true, false]],
  ]);
});

Deno.test("eventTopology() with one shard equals the topology without shards: queue, arguments and bindings", () => {
  const topology = eventTopology({ ...names, EVENTS_SHARDS: 1 });
  deepStrictEqual(topology, eventTopology(names));
  deepStrictEqual(topology.map(({ name, bindings }) => [name, bindings]), [
    ["dead", [{ exchange: "dead-letters", type: "fanout", key: "" }]],
    ["events.queue", [{ exchange: "events", type: "fanout", key: "" }]],
  ]);
});

Deno.test("eventTopology() with shards keeps the first queue and its arguments, and binds each by its number", () => {
  const [one, three] = [1, 3].map((shards) => eventTopology({ ...names, EVENTS_SHARDS: shards }));
  deepStrictEqual(three!.slice(0, 2).map(({ bindings: _, ...queue }) => queue), [
    ...one!.map(({ bindings: _, ...queue }) => queue),
  ]);
  const byShard = (key: string) => ({ exchange: "events.shards", type: "direct", key, alternate: "events" });
  deepStrictEqual(three!.slice(1).map(({ name, bindings }) => [name, bindings]), [
    ["events.queue", [{ exchange: "events", type: "fanout", key: "" }, byShard("0")]],
    ["events.queue.1", [byShard("1")]],
    ["events.queue.2", [byShard("2")]],
  ]);
  deepStrictEqual(eventsQueuesOf({ ...names, EVENTS_SHARDS: 3 }), three!.slice(1).map(({ name }) => name));
  deepStrictEqual(exchangesOf(three!), ["dead-letters", "events", "events.shards"]);
});
