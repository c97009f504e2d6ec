/** Groups letters with the same cause: the reason, and the detail without its values. */
import { createHash } from "node:crypto";

export interface Cause {
  /** 12 hexadecimal digits, the same for the same reason and text. */
  readonly group: string;
  /** The detail without its values. */
  readonly text: string;
}

/** Details are compared up to this length; nobody reads the rest. */
const longest = 300;

/** Patterns of values that differ between letters of one cause, longest forms first. */
const values: readonly (readonly [RegExp, string])[] = [
  [/"(?:[^"\\]|\\.){0,200}"|'(?:[^'\\]|\\.){0,200}'|`[^`]{0,200}`|“[^”]{0,200}”/g, "“…”"],
  [/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi, "ID"],
  [/\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?/g, "TIME"],
  [/\b(?=[0-9a-f]*\d)[0-9a-f]{16,}\b/gi, "ID"],
  [/[-+]?\d[\d,_]*(?:\.\d+)?(?:e[-+]?\d+)?/gi, "N"],
];

/**
 * @example
 * ```ts
 * import { notStrictEqual, strictEqual } from "node:assert/strict";
 *
 * const [one, other] = ["amount -5", "amount -17"].map((detail) => causeOf({ reason: "invalid", detail }));
 * strictEqual(one?.group, other?.group);
 * strictEqual(one?.text, "amount N");
 * notStrictEqual(one?.group, causeOf({ reason: "undecodable", detail: "amount -5" }).group);
 * ```
 */
export function causeOf({ reason, detail }: { readonly reason: string; readonly detail: string }): Cause {
  let text = detail;
  for (const [value, name] of values) text = text.replace(value, name);
  text = text.slice(0, longest);
  return { group: createHash("sha256").update(`${reason}\0${text}`).digest("hex").slice(0, 12), text };
}
