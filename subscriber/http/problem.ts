/** Errors in the format of RFC 9457. */
import { messageOf } from "../../shared/runtime/errors.ts";
import { redact } from "../../shared/runtime/secrets.ts";

const titles = {
  400: "Bad request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not found",
  405: "Method not allowed",
  409: "Conflict",
  413: "Content too large",
  421: "Misdirected request",
  429: "Too many requests",
  500: "Internal error",
  503: "Service unavailable",
  504: "Timed out",
} as const;

export type ProblemStatus = keyof typeof titles;

/** An error that becomes the response of the request. The message is its detail. */
export class Problem extends Error {
  override readonly name = "Problem";
  constructor(
    readonly status: ProblemStatus,
    detail: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
  }
}

export function problemResponse({ status, message, headers }: Problem): Response {
  const body = { type: "about:blank", title: titles[status], status, detail: message };
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...headers },
  });
}

/** Returns the problem for a failed dependency: the client may retry. */
export function unavailable(what: string, error: unknown): Problem {
  return new Problem(503, redact(`${what}: ${messageOf(error)}`), { "retry-after": "2" });
}
