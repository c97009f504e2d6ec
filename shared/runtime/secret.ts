/** Comparison of secrets: tokens and keys that callers send. */
import { createHash, timingSafeEqual } from "node:crypto";

/** Whether it is one of these secrets. The time taken says nothing about any of them. */
export function isSecret(given: string | Uint8Array, secrets: readonly string[]): boolean {
  // Digests have the same length, whatever was given.
  const digest = (text: string | Uint8Array) => createHash("sha256").update(text).digest();
  const digested = digest(given);
  // All of them are compared: the first that is equal must not end it.
  return secrets.map((each) => timingSafeEqual(digested, digest(each))).includes(true);
}
