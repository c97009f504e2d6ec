/**
 * A session cookie that every subscriber with the same tokens accepts. It contains the name, the expiry, and an HMAC of
 * both, keyed with the token of the sign-in. Nothing is stored, and removing a token ends its sessions.
 */
import { createHmac } from "node:crypto";
import { isSecret } from "../../../shared/runtime/secrets.ts";
import type { Token } from "./tokens.ts";

const sessionMs = 12 * 3_600_000;

/** Returns the text of a session. @param now ms since 1970 */
export function sealSession(token: Token, now: number): string {
  const until = now + sessionMs;
  return `${until}~${token.name}~${codeOf(token, until)}`;
}

/** Returns the token of the sign-in; `undefined` when the session is invalid or expired, or the token was removed. */
export function openSession(text: string, tokens: readonly Token[], now: number): Token | undefined {
  const [until = "", name = "", code = "", ...more] = text.split("~");
  if (more.length > 0 || !/^\d{1,15}$/.test(until) || Number(until) <= now) return undefined;
  return tokens.find((token) => token.name === name && isSecret(code, [codeOf(token, Number(until))]));
}

function codeOf({ name, secret }: Token, until: number): string {
  return createHmac("sha256", secret).update(`casino-events session\n${until}\n${name}`).digest("base64url");
}

const cookieName = "casino-session";

/**
 * @param secure whether the browser uses TLS: the `__Host-` prefix then makes it refuse a cookie that was set without
 * TLS
 */
export function sessionCookie(value: string, secure: boolean): string {
  const age = value === "" ? 0 : sessionMs / 1000;
  const name = secure ? `__Host-${cookieName}` : cookieName;
  return `${name}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${secure ? "; Secure" : ""}`;
}

export function sessionIn(cookies: string | undefined, secure: boolean): string | undefined {
  const wanted = secure ? `__Host-${cookieName}` : cookieName;
  for (const cookie of (cookies ?? "").split(";")) {
    const [name, ...value] = cookie.trim().split("=");
    if (name === wanted) return value.join("=");
  }
  return undefined;
}
