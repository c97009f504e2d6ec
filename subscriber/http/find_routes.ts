/** `GET /find`: where an event is. Dead letters are told in full with the token only, as elsewhere. */
import type { Context } from "hono";
import { isSecret } from "../../shared/runtime/secrets.ts";
import type { FindAnswer } from "../dashboard/find_answer.ts";
import type { FindOptions } from "../find/find.ts";
import { type FindQuery, parseFind } from "../find/query.ts";
import { Problem } from "./problem.ts";

export type Find = (query: FindQuery, options: FindOptions) => Promise<FindAnswer>;

export interface FindRoutesOptions {
  readonly find: Find;
  readonly token: string | undefined;
}

/** They share their connections to Postgres with the page and readiness. */
const mostAtOnce = 2;
const names = ["id", "player_id", "at", "within"] as const;

export function findRoutes({ find, token }: FindRoutesOptions): (context: Context) => Promise<Response> {
  let running = 0;
  return async (context) => {
    const query = parseQuery(new URL(context.req.url).searchParams);
    if (running >= mostAtOnce) {
      throw new Problem(503, `${mostAtOnce} others are looked for already`, { "retry-after": "1" });
    }
    running++;
    try {
      return context.json(await find(query, { details: hasToken(context.req.header("authorization"), token) }));
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

function hasToken(authorization: string | undefined, token: string | undefined): boolean {
  const given = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
  return token !== undefined && given !== undefined && isSecret(given, [token]);
}
