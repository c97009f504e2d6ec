import { deepStrictEqual } from "node:assert/strict";
import { problemsOf } from "../../../tests/fixtures/config_problems.ts";

const own = "each exchange and queue needs its own name";

Deno.test("readConfig() rejects equal names of exchanges and queues, also derived ones, and names both variables", () => {
  const refused: [env: Record<string, string>, first: string, second: string, name: string][] = [
    [
      { EVENTS_EXCHANGE: "x-letters", DEAD_LETTER_QUEUE: "x" },
      ...["EVENTS_EXCHANGE=x-letters", "DEAD_LETTER_QUEUE=x", "x-letters"] as const,
    ],
    [
      { EVENTS_QUEUE: "x-letters", DEAD_LETTER_QUEUE: "x" },
      ...["EVENTS_QUEUE=x-letters", "DEAD_LETTER_QUEUE=x", "x-letters"] as const,
    ],
    [{ EVENTS_QUEUE: "x", DEAD_LETTER_QUEUE: "x" }, "EVENTS_QUEUE=x", "DEAD_LETTER_QUEUE=x", "x"],
    [
      { EVENTS_EXCHANGE: "x", EVENTS_QUEUE: "x.shards", EVENTS_SHARDS: "2" },
      ...["EVENTS_EXCHANGE=x with EVENTS_SHARDS=2", "EVENTS_QUEUE=x.shards", "x.shards"] as const,
    ],
    [
      { EVENTS_QUEUE: "x", DEAD_LETTER_QUEUE: "x.1", EVENTS_SHARDS: "2" },
      ...["EVENTS_QUEUE=x with EVENTS_SHARDS=2", "DEAD_LETTER_QUEUE=x.1", "x.1"] as const,
    ],
    [{ EVENTS_EXCHANGE: "x", DEAD_LETTER_QUEUE: "x" }, "EVENTS_EXCHANGE=x", "DEAD_LETTER_QUEUE=x", "x"],
  ];
  for (const [env, first, second, name] of refused) {
    deepStrictEqual(problemsOf(env), [`${first} and ${second} must not both use the name ${name}: ${own}`]);
  }
});

Deno.test("readConfig() accepts one name for exchange and queue, as in 0.1.0", () => {
  deepStrictEqual(problemsOf({ EVENTS_QUEUE: "casino.events" }), []);
});
