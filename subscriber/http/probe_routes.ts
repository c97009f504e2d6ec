/** Health and metrics. The dashboard's server serves them, and `--health` serves only them. */
import { type Context, Hono } from "hono";
import type { Clock } from "../../shared/runtime/clock.ts";
import { callWithDeadline } from "../../shared/runtime/deadline.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import type { Env } from "./access/access.ts";
import type { Readiness } from "./health.ts";
import { refuseOthers } from "./refuse_others.ts";
import type { Caller } from "./request_limit.ts";

export interface Probes {
  readonly readiness: () => Promise<Readiness>;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly clock: Clock;
}

const timeoutMs = 5_000;

export const live = (context: Context) => context.json({ status: "live" });

export function probeRoutes({ readiness, metrics, clock }: Probes): Hono<Env> {
  const routes = new Hono<Env>();
  routes.get("/health/ready", async (context) => {
    const state = await callWithDeadline(timeoutMs, clock, readiness);
    return context.json(state, state.ready ? 200 : 503);
  });
  routes.get("/metrics", async (context) => {
    const text = await callWithDeadline(timeoutMs, clock, () => metrics.text());
    return context.body(text, 200, { "content-type": metrics.contentType });
  });
  return routes;
}

/** Returns the app of `--health`. It needs no authentication, because its answers contain no players' data. */
export function probeApp(
  options: Probes & { readonly log: Log },
): (request: Request, caller: Caller) => Promise<Response> {
  const app = new Hono<Env>();
  app.get("/health/live", live);
  app.route("/", probeRoutes(options));
  refuseOthers(app, options.log);
  return async (request, caller) => await app.fetch(request, caller);
}
