/** The routes, and the rules that hold for every request. */
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Clock } from "../../shared/runtime/clock.ts";
import type { DeadLetterAdmin } from "../../shared/rabbitmq/dead/admin.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { isLoopback } from "../../shared/runtime/hosts.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import { callWithDeadline, DeadlineExceeded } from "../../shared/runtime/deadline.ts";
import { deadLetterRoutes } from "./dead_letter_routes.ts";
import { eventRoutes } from "./event_routes.ts";
import type { Takes } from "../dead_letters/takes.ts";
import type { Jobs } from "./job_routes.ts";
import type { Readiness } from "./health.ts";
import type { Totals } from "../metrics/materialized.ts";
import { openApi } from "./openapi.ts";
import { pageAssets } from "../dashboard/assets.ts";
import { Problem, problemResponse, unavailable } from "./problem.ts";
import type { RecentEvents } from "../metrics/recent_events.ts";
import { type Caller, RequestLimit } from "./request_limit.ts";

export interface AppOptions {
  readonly totals: () => Promise<Totals>;
  readonly overview: () => Promise<object>;
  readonly readiness: () => Promise<Readiness>;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly recent: RecentEvents;
  readonly admin: DeadLetterAdmin;
  /** None in one process. */
  readonly jobs?: Jobs | undefined;
  readonly takes?: Takes | undefined;
  /** Letters in their queue, which no keeper has moved yet. */
  readonly waiting: () => Promise<number>;
  readonly token: string | undefined;
  /** Whether only this machine can connect. Then the Host header is checked: a page of another site may use a name of its own. */
  readonly loopback: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly stop: AbortSignal;
}

const timeoutMs = 5_000;
const self = ["'self'"];

export function httpApp(options: AppOptions): (request: Request, caller: Caller) => Promise<Response> {
  const { totals, overview, readiness, metrics, clock, log, loopback } = options;
  const limit = new RequestLimit(clock);
  const app = new Hono<{ Bindings: Caller }>();

  app.use(secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: self,
      styleSrc: self,
      imgSrc: self,
      connectSrc: self,
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
    xFrameOptions: "DENY",
    referrerPolicy: "no-referrer",
    // Left to the proxy that adds TLS.
    strictTransportSecurity: false,
  }));
  app.use(async (context, next) => {
    if (loopback && !isLoopback((context.req.header("host") ?? "").replace(/:\d+$/, ""))) {
      throw new Problem(421, "this is served to this machine alone, under 127.0.0.1 or localhost");
    }
    // A probe that is refused has a healthy subscriber restarted.
    if (!context.req.path.startsWith("/health/") && !limit.take(context.env.address)) {
      throw new Problem(429, "more than 50 requests a second", { "retry-after": "1" });
    }
    if (Number(context.req.header("content-length") ?? 0) > 0 || context.req.header("transfer-encoding")) {
      throw new Problem(413, "no request has a body here");
    }
    await next();
    if (!context.res.headers.has("cache-control")) context.header("cache-control", "no-store");
  });

  const withDeadline = <T>(ask: () => Promise<T>) => callWithDeadline(timeoutMs, clock, ask);
  app.get("/materialized", async (context) => {
    try {
      return context.json((await withDeadline(totals)).materialized);
    } catch (error) {
      throw unavailable("Postgres cannot be asked", error);
    }
  });
  app.get("/overview", async (context) => context.json(await withDeadline(overview)));
  app.get("/events", eventRoutes(options));
  app.route("/dead-letters", deadLetterRoutes(options));
  app.get("/health/live", (context) => context.json({ status: "live" }));
  app.get("/health/ready", async (context) => {
    const state = await withDeadline(readiness);
    return context.json(state, state.ready ? 200 : 503);
  });
  app.get(
    "/metrics",
    async (context) =>
      context.body(await withDeadline(() => metrics.text()), 200, { "content-type": metrics.contentType }),
  );
  app.get("/openapi.json", (context) => context.json(openApi));
  for (const { path, contentType, body } of pageAssets) {
    app.get(path, (context) => context.body(body, 200, { "content-type": contentType, "cache-control": "no-cache" }));
  }

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
  return async (request, caller) => await app.fetch(request, caller);
}
