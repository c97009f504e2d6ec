/** Authenticates and authorizes requests: by a bearer token or a session, or because reading is open to all. */
import type { Context, MiddlewareHandler } from "hono";
import type { Clock } from "../../../shared/runtime/clock.ts";
import type { Log } from "../../../shared/runtime/telemetry/log.ts";
import type { SignIn } from "../../metrics/metrics.ts";
import { Problem } from "../problem.ts";
import type { Caller } from "../request_limit.ts";
import { isKnownHost, nameOf } from "./hosts.ts";
import { openSession, sessionIn } from "./session.ts";
import { SignInLimit } from "./sign_in_limit.ts";
import { includes, type Role, type Token, tokenOf, type Tokens } from "./tokens.ts";

export interface AccessOptions {
  /** The tokens of HTTP_TOKENS_FILE; `undefined` permits no changes. */
  readonly tokens: Tokens | undefined;
  /** Whether every caller has the role `look`: on loopback, and behind a proxy that authenticates. */
  readonly open: boolean;
  /** HTTP_ALLOWED_HOSTS. */
  readonly allowedHosts: readonly string[];
  readonly onSignIn: (result: SignIn) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly stop: AbortSignal;
}

/** An authenticated caller. */
export interface Principal {
  readonly name: string;
  readonly role: Role;
}

/** Hono's environment: the caller of a request, and the values that middleware sets. */
export interface Env {
  Bindings: Caller;
  Variables: {
    principal: Principal;
    /** For streams: whether the token or session that authorized the request still does. */
    isStillIn: () => boolean;
  };
}

const nobody: Principal = { name: "anybody", role: "look" };
const challenge = { "www-authenticate": 'Bearer realm="casino-events"' };
const safe = new Set(["GET", "HEAD", "OPTIONS"]);

/** Probes are not rate-limited: a limited probe would restart a healthy subscriber. */
export function isProbe(path: string): boolean {
  return path.startsWith("/health/");
}

export class Access {
  readonly #options: AccessOptions;
  readonly #limit: SignInLimit;

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#limit = new SignInLimit(options.clock);
  }

  get open(): boolean {
    return this.#options.open;
  }

  get tokens(): Tokens | undefined {
    return this.#options.tokens;
  }

  /** @throws {Problem} when the Host header is not one of our names */
  checkHost(context: Context<Env>): void {
    const host = context.req.header("host") ?? "";
    if (isKnownHost(host, context.env.local, this.#options.allowedHosts)) return;
    throw new Problem(421, "nothing is served under this name: HTTP_ALLOWED_HOSTS has those beside our addresses");
  }

  /** Returns middleware that lets through callers with the role. Changes need at least the role `act`. */
  needs(role: Role): MiddlewareHandler<Env> {
    return async (context, next) => {
      const isAct = !safe.has(context.req.method);
      const needed = isAct && role === "look" ? "act" : role;
      const principal = await this.#identify(context, isAct);
      if (principal === undefined || !includes(principal.role, needed)) throw this.#refusal(principal, needed);
      context.set("principal", principal);
      context.set("isStillIn", () => principal === nobody || this.#isStillIn(context, principal as Token, needed));
      await next();
    };
  }

  /**
   * Returns the token of the request.
   * @throws {Problem} when the request has no valid token
   */
  async signIn(context: Context<Env>): Promise<Token> {
    this.#mustHaveTokens();
    const { authorization } = context.req.header();
    if (authorization === undefined) throw new Problem(401, "send the header Authorization: Bearer TOKEN", challenge);
    return await this.#tokenOf(authorization, context);
  }

  /** Returns the token of the session; `undefined` without a valid session. */
  session(context: Context<Env>): Token | undefined {
    const { tokens, clock } = this.#options;
    const session = sessionIn(context.req.header("cookie"), context.env.secure);
    return session === undefined || !tokens ? undefined : openSession(session, tokens.read(), clock.now());
  }

  /**
   * Checks that our own page sent the request. A browser sends the cookie for requests of any page, but other pages
   * cannot forge the origin.
   * @throws {Problem} for a request of another origin, or of another content type than JSON
   */
  checkOrigin(context: Context<Env>): void {
    const { origin, host = "", "sec-fetch-site": site, "content-type": type = "" } = context.req.header();
    if (site !== undefined && site !== "same-origin") {
      throw new Problem(403, `this is not for a page of a ${site} origin`);
    }
    const from = origin !== undefined && URL.canParse(origin) ? nameOf(new URL(origin).host) : undefined;
    // A proxy may send another Host than the browser's.
    const known = from !== undefined && (origin!.endsWith(`//${host}`) || this.#options.allowedHosts.includes(from));
    if (!known) {
      throw new Problem(403, "with a session, changes are for our own page: the Origin is another, or missing");
    }
    if (!/^application\/json\b/i.test(type)) throw new Problem(403, "send Content-Type: application/json");
  }

  async #identify(context: Context<Env>, isAct: boolean): Promise<Token | Principal | undefined> {
    const { authorization } = context.req.header();
    if (authorization !== undefined && this.#options.tokens) return await this.#tokenOf(authorization, context);
    const session = this.session(context);
    if (session && isAct) this.checkOrigin(context);
    return session ?? (this.#options.open ? nobody : undefined);
  }

  async #tokenOf(authorization: string, context: Context<Env>): Promise<Token> {
    const { tokens, log, onSignIn, stop } = this.#options;
    const secret = /^Bearer (\S+)$/i.exec(authorization)?.[1] ?? "";
    const token = tokenOf(secret, tokens?.read() ?? []);
    if (token) return token;
    const { address } = context.env;
    const wrong = new Problem(401, "this is none of the tokens", challenge);
    if (!this.#limit.take(address)) {
      onSignIn("refused");
      if (isProbe(context.req.path)) throw wrong;
      throw new Problem(429, "too many wrong tokens from this address: wait", { "retry-after": "10" });
    }
    onSignIn("failed");
    log.warn("A token is wrong", { event: "http.sign_in_failed", peer: address });
    if (!isProbe(context.req.path)) await this.#limit.untilTold(stop);
    throw wrong;
  }

  #isStillIn(context: Context<Env>, { name, secret }: Token, needed: Role): boolean {
    const byToken = context.req.header("authorization") !== undefined;
    const found = byToken
      ? this.#options.tokens?.read().find((token) => token.name === name && token.secret === secret)
      : this.session(context);
    return found !== undefined && includes(found.role, needed);
  }

  #refusal(principal: Principal | undefined, needed: Role): Problem {
    this.#mustHaveTokens();
    if (principal && principal !== nobody) {
      return new Problem(403, `${principal.name} has the role ${principal.role}; this takes ${needed}`);
    }
    return new Problem(
      401,
      `this takes a token with the role ${needed}: send it as Authorization: Bearer, or sign in`,
      {
        ...challenge,
      },
    );
  }

  #mustHaveTokens(): void {
    if (this.#options.tokens) return;
    throw new Problem(403, "nobody may do this here: the subscriber was started without HTTP_TOKENS_FILE");
  }
}
