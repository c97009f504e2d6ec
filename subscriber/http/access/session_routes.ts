/** `/session`: sign-in and sign-out for the dashboard. */
import { Hono } from "hono";
import type { Clock } from "../../../shared/runtime/clock.ts";
import type { Log } from "../../../shared/runtime/telemetry/log.ts";
import type { Access, AccessOptions, Env } from "./access.ts";
import { sealSession, sessionCookie } from "./session.ts";

export interface SessionRoutesOptions {
  readonly access: Access;
  readonly onSignIn: AccessOptions["onSignIn"];
  readonly clock: Clock;
  readonly log: Log;
}

export function sessionRoutes({ access, onSignIn, clock, log }: SessionRoutesOptions): Hono<Env> {
  const routes = new Hono<Env>();
  routes.get("/", (context) => {
    const session = access.session(context);
    return context.json({
      name: session?.name ?? null,
      role: session?.role ?? (access.open ? "look" : null),
      has_tokens: access.tokens !== undefined,
    });
  });
  // The token is in a header: a page of another site cannot send one, and the request needs no body.
  routes.post("/", async (context) => {
    const token = await access.signIn(context);
    const { address: peer, secure } = context.env;
    context.header("set-cookie", sessionCookie(sealSession(token, clock.now()), secure));
    const { name, role } = token;
    onSignIn("ok");
    log.info("Signed in", { event: "http.signed_in", name, role, peer });
    return context.json({ name, role, has_tokens: true });
  });
  routes.delete("/", (context) => {
    access.checkOrigin(context);
    context.header("set-cookie", sessionCookie("", context.env.secure));
    return context.json({ name: null, role: access.open ? "look" : null, has_tokens: access.tokens !== undefined });
  });
  return routes;
}
