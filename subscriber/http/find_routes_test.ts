import { deepStrictEqual } from "node:assert/strict";
import { Hono } from "hono";
import type { FindQuery } from "../find/query.ts";
import { findRoutes } from "./find_routes.ts";
import { Problem } from "./problem.ts";

function askWith(until = Promise.resolve()) {
  const asked: FindQuery[] = [];
  const find = (query: FindQuery) => {
    asked.push(query);
    return until.then(() => ({ events: [], more: false, verdict: "", looked: [] }));
  };
  const app = new Hono().get("/find", findRoutes(find));
  app.onError((error) => new Response(error.message, { status: error instanceof Problem ? error.status : 500 }));
  const ask = async (query: string) => (await app.fetch(new Request(`http://127.0.0.1/find?${query}`))).status;
  return { ask, asked };
}

Deno.test("GET /find accepts an id, or a player and a time, and nothing else", async () => {
  const { ask, asked } = askWith();
  deepStrictEqual([await ask("id=7"), await ask("player_id=11&at=2022-02-02T12:34&within=1m")], [200, 200]);
  deepStrictEqual(asked, [
    { text: "7", messageId: undefined, eventId: 7n },
    { playerId: 11n, atMs: Date.UTC(2022, 1, 2, 12, 34), withinMs: 60_000 },
  ]);
  for (const query of ["", "id=", "id=7&player_id=11", "player=11&at=2022-02-02", "id=7&all=true"]) {
    deepStrictEqual(await ask(query), 400, query);
  }
});

Deno.test("GET /find runs two searches at once, and refuses more", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { ask } = askWith(promise);
  const first = [ask("id=1"), ask("id=2")];
  deepStrictEqual(await ask("id=3"), 503);
  resolve();
  deepStrictEqual([...await Promise.all(first), await ask("id=3")], [200, 200, 200]);
});
