/** Secrets: what may be shown of a text that may hold one, and how one is compared. */
import { createHash, timingSafeEqual } from "node:crypto";

/**
 * The text, such as a line of log, with the password of any URL in it blanked. A quote ends a URL, so that in JSON no
 * neighbouring field is taken for a part of it; a setting that is a URL holds neither quotes nor white space.
 */
export function redact(text: string): string {
  return text.replace(/(\/\/[^/?#\s":]*:)[^/?#\s"]*@/g, "$1***@").replace(secretParameter, "$1***");
}

/** Of a URL's query: ioredis, for one, takes a password from there. */
const secretParameter = /([?&](?:password|pass|pwd|secret|token|api_?key)=)[^&#\s"]*/gi;

/**
 * A value that was refused, as it may be shown: since it is not the URL that it should be, wherever it may hold a
 * password is blanked, down to all that stands before its last `@`. On one line and of bounded length.
 */
export function shownRefused(text: string): string {
  const shown = text
    .replace(secretParameter, "$1***")
    .replace(/^([a-z][a-z\d+.\-]*:\/\/)?.*@/is, "$1***@")
    // scheme://:password without a host
    .replace(/^([a-z][a-z\d+.\-]*:\/\/[^/?#:@[]*:)(?!\d{1,5}(?:[/?#]|$)).*$/is, "$1***")
    .replace(/\p{Cc}/gu, "?");
  return shown.length > 200 ? `${shown.slice(0, 200)}…` : shown;
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
