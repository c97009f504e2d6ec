/** Hides secrets in text that is shown, and compares secrets. */
import { createHash, timingSafeEqual } from "node:crypto";

/**
 * Replaces the passwords in a text, such as a log line: in any URL and in libpq's `password=…`. A quote ends a URL, so
 * that in JSON the next field is not part of it. URLs in settings contain neither quotes nor white space.
 */
export function redact(text: string): string {
  return text.replace(/(\/\/[^/?#\s":]*:)[^/?#\s"]*@/g, "$1***@").replace(secretParameter, "$1***");
}

/** A secret parameter in a URL's query or between spaces. pg and ioredis, for example, accept passwords there. */
const secretParameter =
  /((?:^|[?&;\s"])[\w\-]*(?:password|passwd|passphrase|pass|pwd|secret|token|api_?key)=)(?:'[^'"]*'|[^&#\s"]*)/gi;

/** Replaces a value that may be, or contain, a secret. */
export const hidden = "(hidden)";

/** Returns a rejected value for an error message: without secrets, on one line and of bounded length. */
export function shownRefused(text: string): string {
  if (/[=@]|:\/\/.*:(?!\d{1,5}$)/s.test(text)) return hidden;
  const shown = text.replace(/\p{Cc}/gu, "?");
  return shown.length > 200 ? `${shown.slice(0, 200)}…` : shown;
}

/**
 * Returns only the server of a rejected URL: any other part may contain a secret under an unknown name. Returns
 * {@linkcode hidden} for a text that is not a URL, because any part of it may be secret.
 */
export function shownUrl(text: string): string {
  if (!/^[a-z]+:\/\//i.test(text) || !isPlainUrl(text) || new URL(text).hostname === "") return hidden;
  const { protocol, username, password, host, pathname, search, hash } = new URL(text);
  const user = username + password === "" ? "" : "***@";
  return `${protocol}//${user}${host}${pathname.length < 2 && search + hash === "" ? "" : "/***"}`;
}

/**
 * Whether the text is a URL whose password has no unescaped `/`, `?` or `#`. Such a character would end the host early
 * and name another host.
 */
export function isPlainUrl(text: string): boolean {
  try {
    decodeURIComponent(text);
  } catch {
    return false;
  }
  return URL.canParse(text) && !/[\s"\p{Cc}]/u.test(text) && !/\/\/[^/?#]*[/?#].*@/.test(text);
}

/** Returns a rejected `host:port` for an error message. A port has five digits at most: more may be a password. */
export function shownAddress(text: string): string {
  return /^(?:https?:\/\/)?[\w.\-]{0,200}(:\d{0,5})?$|^\[[\da-f:]{0,60}\](:\d{0,5})?$/i.test(text) ? text : hidden;
}

/** Returns a rejected path of a secret file for an error message. The text may be the secret itself. */
export function shownPath(text: string): string {
  return /^\.{0,2}\//.test(text) ? shownRefused(text) : hidden;
}

/** Whether `given` is one of the secrets. The time taken reveals nothing about the secrets. */
export function isSecret(given: string | Uint8Array, secrets: readonly string[]): boolean {
  return indexOfSecret(given, secrets) !== -1;
}

/** Returns the index of `given` among the secrets, or -1. The time taken reveals nothing about the secrets. */
export function indexOfSecret(given: string | Uint8Array, secrets: readonly string[]): number {
  // timingSafeEqual needs equal lengths, which digests have.
  const digest = (text: string | Uint8Array) => createHash("sha256").update(text).digest();
  const digested = digest(given);
  // Compares all secrets: a match must not end the comparison early.
  return secrets.map((each) => timingSafeEqual(digested, digest(each))).indexOf(true);
}
