/** The answers when no route matches, or a route fails. */
import type { Hono } from "hono";
import { DeadlineExceeded } from "../../shared/runtime/deadline.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import type { Env } from "./access/access.ts";
import { Problem, problemResponse } from "./problem.ts";

export function refuseOthers(app: Hono<Env>, log: Log): void {
  app.notFound((context) => {
    const known = app.routes.some(({ method, path }) => method !== "ALL" && path === context.req.path);
    return problemResponse(
      known
        ? new Problem(405, `${context.req.method} is not for ${context.req.path}`)
        : new Problem(404, `there is nothing at ${context.req.path}; /openapi.json tells what there is`),
    );
  });
  app.onError((error) => {
    if (error instanceof Problem) return problemResponse(error);
    if (error instanceof DeadlineExceeded) return problemResponse(new Problem(504, error.message));
    log.error("A request failed in an unforeseen way", {
      event: "http.failed",
      problem: messageOf(error),
      stack: error.stack,
    });
    return problemResponse(new Problem(500, "internal error; see the log"));
  });
}
