import { deepStrictEqual } from "node:assert/strict";
import { Hono } from "hono";
import type { FindOptions } from "../find/find.ts";
import type { FindQuery } from "../find/query.ts";
import { findRoutes } from "./find_routes.ts";
import { Problem } from "./problem.ts";

function askWith(token: string | undefined, until = Promise.resolve()) {
  const asked: [FindQuery, FindOptions][] = [];
  const find = (...given: [FindQuery, FindOptions]) => {
    asked.push(given);
    return until.then(() => ({ events: [], more: false, verdict: "", looked: [] }));
  };
  const app = new Hono().get("/find", findRoutes({ find, token }));
  app.onError((error) => new Response(error.message, { status: error instanceof Problem ? error.status : 500 }));
  const ask = async (query: string, authorization?: string) => {
    const headers = authorization === undefined ? {} : { authorization };
    return (await app.fetch(new Request(`http://127.0.0.1/find?${query}`, { headers }))).status;
  };
  return { ask, asked };
}

Deno.test("GET /find takes an id, or a player and a time, and refuses anything else", async () => {
  const { ask, asked } = askWith(undefined);
  deepStrictEqual([await ask("id=7"), await ask("player_id=11&at=2022-02-02T12:34&within=1m")], [200, 200]);
  deepStrictEqual(asked.map(([query]) => query), [
    { text: "7", messageId: undefined, eventId: 7n },
    { playerId: 11n, atMs: Date.UTC(2022, 1, 2, 12, 34), withinMs: 60_000 },
  ]);
  for (const query of ["", "id=", "id=7&player_id=11", "player=11&at=2022-02-02", "id=7&all=true"]) {
    deepStrictEqual(await ask(query), 400, query);
  }
});

Deno.test("GET /find tells of dead letters in full to the token alone", async () => {
  const { ask, asked } = askWith("right");
  for (const authorization of [undefined, "Bearer wrong", "right", "Bearer right"]) await ask("id=7", authorization);
  deepStrictEqual(asked.map(([, { details }]) => details), [false, false, false, true]);
  const without = askWith(undefined);
  await without.ask("id=7", "Bearer undefined");
  deepStrictEqual(without.asked.map(([, { details }]) => details), [false]);
});

Deno.test("GET /find looks for two at once, and refuses more", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { ask } = askWith(undefined, promise);
  const first = [ask("id=1"), ask("id=2")];
  deepStrictEqual(await ask("id=3"), 503);
  resolve();
  deepStrictEqual([...await Promise.all(first), await ask("id=3")], [200, 200, 200]);
});
