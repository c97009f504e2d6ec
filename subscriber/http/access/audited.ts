/** Records each act over HTTP: principal, act, filter, peer, number of letters, and outcome. */
import type { HonoRequest, MiddlewareHandler } from "hono";
import { type ActEnd, ActNotRecorded, type Acts } from "../../../shared/postgres/acts.ts";
import { unavailable } from "../problem.ts";
import type { Env } from "./access.ts";

/** @param via the subscriber's id */
export function audited(acts: Acts, via: string): MiddlewareHandler<Env> {
  return async (context, next) => {
    if (context.req.method === "GET" || context.req.method === "HEAD" || isPreview(context.req)) return await next();
    const { name: who } = context.get("principal");
    const { act, id } = actOf(context.req.method, context.req.path);
    const filter = { ...context.req.query(), ...(id !== undefined && { id }) };
    const { address: peer } = context.env;
    try {
      // Hono turns an error of a route into a response.
      await acts.record({ who, act, filter, peer, via }, next, () => endOf(context.res.clone()));
    } catch (error) {
      throw error instanceof ActNotRecorded ? unavailable("nothing was done", error) : error;
    }
  };
}

/** Whether the request only counts the letters of a job: it changes nothing, and is not recorded. */
function isPreview(request: HonoRequest): boolean {
  return request.method === "POST" && request.path === "/dead-letters/jobs" && request.query("preview") === "true";
}

/**
 * Returns the act of a request. `DELETE /dead-letters/ID` is `drop` and `POST /dead-letters/ID/replay` is `replay`;
 * without an id, the act is on many letters. Acts on jobs and groups have two words: `jobs pause`, `groups take`,
 * `groups leave`.
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

/** The keys under which answers contain the number of letters. */
const counted = ["replayed", "dropped", "restored", "changed", "total", "taken"];

async function endOf(response: Response): Promise<ActEnd> {
  const result = await response.text();
  let affected: number | undefined;
  try {
    const answer = JSON.parse(result);
    affected = counted.map((name) => answer[name]).find((count) => typeof count === "number");
  } catch { /* Not JSON: the audit stores the text. */ }
  return { state: response.ok ? "done" : "failed", affected, result };
}
