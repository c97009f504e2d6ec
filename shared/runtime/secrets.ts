/** Secrets: what may be shown of a text that may hold one, and how one is compared. */
import { createHash, timingSafeEqual } from "node:crypto";

/**
 * The text, such as a line of log, with the password of any URL in it blanked, and that of libpq's `password=…`. A quote ends
 * a URL, so that in JSON no neighbouring field is taken for a part of it; a setting that is a URL holds neither quotes nor
 * white space.
 */
export function redact(text: string): string {
  return text.replace(/(\/\/[^/?#\s":]*:)[^/?#\s"]*@/g, "$1***@").replace(secretParameter, "$1***");
}

/** Of a URL's query, or between spaces: pg and ioredis, for two, take passwords from there. */
const secretParameter =
  /((?:^|[?&;\s"])[\w\-]*(?:password|passwd|passphrase|pass|pwd|secret|token|api_?key)=)(?:'[^'"]*'|[^&#\s"]*)/gi;

/** In place of a value that may be, or hold, a secret. */
export const hidden = "(hidden)";

/** A value that was refused, as it may be shown: on one line and of bounded length. */
export function shownRefused(text: string): string {
  if (/[=@]|:\/\/.*:(?!\d{1,5}$)/s.test(text)) return hidden;
  const shown = text.replace(/\p{Cc}/gu, "?");
  return shown.length > 200 ? `${shown.slice(0, 200)}…` : shown;
}

/**
 * Of a URL, the server alone: any other part may hold a secret, under a name that nobody knows here. Whatever is no URL may be a
 * secret anywhere.
 */
export function shownUrl(text: string): string {
  if (!/^[a-z]+:\/\//i.test(text) || !isPlainUrl(text) || new URL(text).hostname === "") return hidden;
  const { protocol, username, password, host, pathname, search, hash } = new URL(text);
  const user = username + password === "" ? "" : "***@";
  return `${protocol}//${user}${host}${pathname.length < 2 && search + hash === "" ? "" : "/***"}`;
}

/** Without an unescaped `/`, `?` or `#` in the password, which would end the host early and name another one. */
export function isPlainUrl(text: string): boolean {
  try {
    decodeURIComponent(text);
  } catch {
    return false;
  }
  return URL.canParse(text) && !/[\s"\p{Cc}]/u.test(text) && !/\/\/[^/?#]*[/?#].*@/.test(text);
}

/** Of what should be `host:port`. */
export function shownAddress(text: string): string {
  return /^(?:https?:\/\/)?[\w.\-]{0,200}(:\d{0,9})?$|^\[[\da-f:]{0,60}\](:\d{0,9})?$/i.test(text) ? text : hidden;
}

/** Of what should be the path of a file with a secret in it, and may be the secret itself. */
export function shownPath(text: string): string {
  return /^\.{0,2}\//.test(text) ? shownRefused(text) : hidden;
}

/** Whether it is one of these secrets. The time taken says nothing about any of them. */
export function isSecret(given: string | Uint8Array, secrets: readonly string[]): boolean {
  return indexOfSecret(given, secrets) !== -1;
}

/** Which of these secrets it is; -1: none of them. The time taken says nothing about any of them. */
export function indexOfSecret(given: string | Uint8Array, secrets: readonly string[]): number {
  // Digests have the same length, whatever was given.
  const digest = (text: string | Uint8Array) => createHash("sha256").update(text).digest();
  const digested = digest(given);
  // All of them are compared: the first that is equal must not end it.
  return secrets.map((each) => timingSafeEqual(digested, digest(each))).indexOf(true);
}
