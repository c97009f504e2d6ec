import { deepStrictEqual } from "node:assert/strict";
import { eventTopology } from "./topology.ts";

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
