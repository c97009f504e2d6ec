/** Records each act over HTTP: who, what, on what, from where, how many, and what became of it. */
import type { HonoRequest, MiddlewareHandler } from "hono";
import { type ActEnd, ActNotRecorded, type Acts } from "../../../shared/postgres/acts.ts";
import { unavailable } from "../problem.ts";
import type { Env } from "./access.ts";

/** @param via which subscriber */
export function audited(acts: Acts, via: string): MiddlewareHandler<Env> {
  return async (context, next) => {
    if (context.req.method === "GET" || context.req.method === "HEAD" || isPreview(context.req)) return await next();
    const { name: who } = context.get("principal");
    const { act, id } = actOf(context.req.method, context.req.path);
    const filter = { ...context.req.query(), ...(id !== undefined && { id }) };
    const { address: peer } = context.env;
    try {
      // Hono turns what a route throws into its answer.
      await acts.record({ who, act, filter, peer, via }, next, () => endOf(context.res.clone()));
    } catch (error) {
      throw error instanceof ActNotRecorded ? unavailable("nothing was done", error) : error;
    }
  };
}

/** The count before a job is ordered: nothing is done, and the audit says so. */
function isPreview(request: HonoRequest): boolean {
  return request.method === "POST" && request.path === "/dead-letters/jobs" && request.query("preview") === "true";
}

/**
 * `DELETE /dead-letters/ID` drops one, `POST /dead-letters/ID/replay` replays it; without an id it is many. What is done to a
 * job or a group is named after it: `jobs pause`, `groups take`, and `groups leave` for its opposite.
 */
function actOf(method: string, path: string): { readonly act: string; readonly id: string | undefined } {
  const [, first, second, third] = path.split("/").slice(1);
  if (first === "jobs" || first === "groups") {
    const word = method === "DELETE" ? "leave" : third ?? "order";
    return { act: `${first} ${word}`, id: second };
  }
  if (method === "DELETE") return { act: "drop", id: first };
  return second === undefined ? { act: first ?? "", id: undefined } : { act: second, id: first };
}

/** How many, by the word that the answer has for it. */
const counted = ["replayed", "dropped", "restored", "changed", "total", "taken"];

async function endOf(response: Response): Promise<ActEnd> {
  const result = await response.text();
  let affected: number | undefined;
  try {
    const answer = JSON.parse(result);
    affected = counted.map((name) => answer[name]).find((count) => typeof count === "number");
  } catch { /* It is told as it is. */ }
  return { state: response.ok ? "done" : "failed", affected, result };
}
