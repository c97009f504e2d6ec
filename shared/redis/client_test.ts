import { deepStrictEqual } from "node:assert/strict";
import { reconnectPauseMs } from "./client.ts";

Deno.test("reconnectPauseMs() is short while nothing listens, and long for a Redis that refuses", () => {
  const away = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:6379"), { code: "ECONNREFUSED" });
  const refusal = new Error("WRONGPASS invalid username-password pair or user is disabled.");
  const pauses = (obstacle: unknown) => [1, 5, 100].map((attempt) => reconnectPauseMs(attempt, obstacle));
  deepStrictEqual([away, refusal, undefined].map(pauses), [[100, 300, 300], [100, 500, 2_000], [100, 500, 2_000]]);
});
