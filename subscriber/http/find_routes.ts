/** `GET /find`: finds an event. */
import type { Context } from "hono";
import type { FindAnswer } from "../dashboard/find_answer.ts";
import { type FindQuery, parseFind } from "../find/query.ts";
import { Problem } from "./problem.ts";

export type Find = (query: FindQuery) => Promise<FindAnswer>;

/** Searches share their connections to Postgres with the dashboard and readiness. */
const mostAtOnce = 2;
const names = ["id", "player_id", "at", "within"] as const;

export function findRoutes(find: Find): (context: Context) => Promise<Response> {
  let running = 0;
  return async (context) => {
    const query = parseQuery(new URL(context.req.url).searchParams);
    if (running >= mostAtOnce) {
      throw new Problem(503, `${mostAtOnce} others are looked for already`, { "retry-after": "1" });
    }
    running++;
    try {
      return context.json(await find(query));
    } finally {
      running--;
    }
  };
}

/** @throws {Problem} for unknown names and values */
function parseQuery(query: URLSearchParams): FindQuery {
  for (const name of query.keys()) {
    if (!(names as readonly string[]).includes(name)) {
      throw new Problem(400, `"${name.slice(0, 60)}" is none of the parameters ${names.join(", ")}`);
    }
  }
  const [id, player, at, within] = names.map((name) => query.get(name) ?? undefined);
  try {
    return parseFind({ id, player, at, within });
  } catch (error) {
    throw error instanceof RangeError ? new Problem(400, error.message) : error;
  }
}
