/** The routes, and the checks for every request. */
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Acts } from "../../shared/postgres/acts.ts";
import type { DeadLetterAdmin } from "../../shared/rabbitmq/dead/admin.ts";
import { callWithDeadline } from "../../shared/runtime/deadline.ts";
import { Access, type AccessOptions, type Env, isProbe } from "./access/access.ts";
import { audited } from "./access/audited.ts";
import { sessionRoutes } from "./access/session_routes.ts";
import { deadLetterRoutes } from "./dead_letter_routes.ts";
import { parseLimit } from "./event_query.ts";
import { eventRoutes } from "./event_routes.ts";
import type { Takes } from "../dead_letters/takes.ts";
import type { Jobs } from "./job_routes.ts";
import { type Find, findRoutes } from "./find_routes.ts";
import { parseHistoryQuery } from "./history/history_query.ts";
import type { HistoryPoint } from "../dashboard/answers.ts";
import type { Totals } from "../metrics/materialized.ts";
import { openApi } from "./openapi.ts";
import { pageAssets } from "../dashboard/assets.ts";
import { live, probeRoutes, type Probes } from "./probe_routes.ts";
import { Problem, unavailable } from "./problem.ts";
import { refuseOthers } from "./refuse_others.ts";
import type { RecentEvents } from "../metrics/recent_events.ts";
import { type Caller, RequestLimit } from "./request_limit.ts";

export interface AppOptions extends AccessOptions, Probes {
  readonly totals: () => Promise<Totals>;
  readonly overview: () => Promise<object>;
  readonly history: (query: ReturnType<typeof parseHistoryQuery>) => Promise<readonly HistoryPoint[]>;
  readonly recent: RecentEvents;
  readonly admin: DeadLetterAdmin;
  /** `undefined` when all members run in one process. */
  readonly jobs?: Jobs | undefined;
  readonly takes?: Takes | undefined;
  /** Resolves with the number of letters that no keeper has moved from their queue yet. */
  readonly waiting: () => Promise<number>;
  readonly find: Find;
  readonly acts: Acts;
  readonly subscriberId: string;
}

const timeoutMs = 5_000;
const mostActs = 500;
const self = ["'self'"];

export function httpApp(options: AppOptions): (request: Request, caller: Caller) => Promise<Response> {
  const { totals, overview, acts, clock, log } = options;
  const limit = new RequestLimit(clock);
  const access = new Access(options);
  const app = new Hono<Env>();

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
    // A proxy that adds TLS sets it.
    strictTransportSecurity: false,
  }));
  app.use(async (context, next) => {
    access.checkHost(context);
    if (!isProbe(context.req.path) && !limit.take(context.env.address)) {
      throw new Problem(429, "more than 50 requests a second", { "retry-after": "1" });
    }
    if (Number(context.req.header("content-length") ?? 0) > 0 || context.req.header("transfer-encoding")) {
      throw new Problem(413, "no request has a body here");
    }
    await next();
    if (!context.res.headers.has("cache-control")) context.header("cache-control", "no-store");
  });

  // Without authentication: the page and its assets, which the sign-in needs, and answers without personal data.
  app.get("/health/live", live);
  app.get("/openapi.json", (context) => context.json(openApi));
  for (const { path, contentType, body } of pageAssets) {
    app.get(path, (context) => context.body(body, 200, { "content-type": contentType, "cache-control": "no-cache" }));
  }
  app.route("/session", sessionRoutes({ ...options, access }));
  app.use("/audit", access.needs("administer"));
  app.use(access.needs("look"));

  const withDeadline = <T>(ask: () => Promise<T>) => callWithDeadline(timeoutMs, clock, ask);
  app.get("/materialized", async (context) => {
    try {
      return context.json((await withDeadline(totals)).materialized);
    } catch (error) {
      throw unavailable("Postgres cannot be asked", error);
    }
  });
  app.get("/overview", async (context) => context.json(await withDeadline(overview)));
  app.get("/history", async (context) => {
    const query = parseHistoryQuery(new URL(context.req.url).searchParams);
    const at = new Date(clock.now()).toISOString();
    try {
      const points = await withDeadline(() => options.history(query));
      return context.json({ at, step_seconds: query.stepSeconds, points });
    } catch (error) {
      throw unavailable("Postgres cannot be asked", error);
    }
  });
  app.get("/events", eventRoutes(options));
  const findRoute = findRoutes(options.find);
  app.get("/find", (context) => withDeadline(() => findRoute(context)));
  app.use("/dead-letters/*", audited(acts, options.subscriberId));
  app.route("/dead-letters", deadLetterRoutes(options));
  app.get("/audit", async (context) => {
    const limit = parseLimit(context.req.query("limit") ?? null, 100, mostActs);
    const before = context.req.query("before");
    if (before !== undefined && !/^\d{1,18}$/.test(before)) throw new Problem(400, "before must be the id of an act");
    try {
      return context.json({ acts: await withDeadline(() => acts.list(limit, before)) });
    } catch (error) {
      throw unavailable("Postgres cannot be asked", error);
    }
  });
  app.route("/", probeRoutes(options));

  refuseOthers(app, log);
  return async (request, caller) => await app.fetch(request, caller);
}
