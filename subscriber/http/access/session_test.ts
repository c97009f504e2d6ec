import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { openSession, sealSession, sessionCookie, sessionIn } from "./session.ts";
import type { Token } from "./tokens.ts";

const anna: Token = { name: "anna", role: "act", secret: "0123456789abcdef" };
const bob: Token = { name: "bob", role: "administer", secret: "fedcba9876543210" };
const hours = 3_600_000;

Deno.test("a session is valid for twelve hours on every subscriber with the same tokens", () => {
  const session = sealSession(anna, 0);
  deepStrictEqual(openSession(session, [bob, { ...anna }], 12 * hours - 1), anna);
  strictEqual(openSession(session, [bob, anna], 12 * hours), undefined);
});

Deno.test("a session ends only with its own token; a changed role applies at once", () => {
  const session = sealSession(anna, 0);
  const newer = { ...anna, secret: "another-0123456789" };
  strictEqual(openSession(session, [bob, newer], 1), undefined);
  deepStrictEqual(openSession(session, [newer, anna], 1), anna);
  strictEqual(openSession(session, [{ ...anna, role: "look" }], 1)?.role, "look");
});

Deno.test("a modified session is invalid", () => {
  const [until, , code] = sealSession(anna, 0).split("~");
  const changed = [`${Number(until) + 1}~anna~${code}`, `${until}~bob~${code}`, `${until}~anna~`, `${until}~anna`, ""];
  for (const text of [...changed, `${until}~anna~${code}~`, `Infinity~anna~${code}`]) {
    strictEqual(openSession(text, [anna, bob], 1), undefined, text);
  }
});

Deno.test("the cookie is for our own page, and over TLS under a name that no plain page can set", () => {
  const session = sealSession(anna, 0);
  strictEqual(
    sessionCookie(session, false),
    `casino-session=${session}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict`,
  );
  strictEqual(
    sessionCookie("", true),
    "__Host-casino-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure",
  );
  const both = "a=b; casino-session=plain; __Host-casino-session=tls";
  deepStrictEqual([sessionIn(both, false), sessionIn(both, true), sessionIn("a=b", true), sessionIn(undefined, true)], [
    ...["plain", "tls", undefined, undefined],
  ]);
});
