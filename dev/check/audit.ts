/** Known vulnerabilities of what a lock pins, as the registry knows them. */

/** Those that were looked at and do not concern us, each with the reason and the day: `{ id: "CVE-2026-1", why: "…" }`. */
export const accepted: readonly { readonly id: string; readonly why: string }[] = [];

export const auditArgs: readonly string[] = [
  ...["audit", "--level=high"],
  ...accepted.flatMap(({ id }) => ["--ignore", id]),
];

/** Deno's own last word, which no advisory's text can stand for. A mirror may have packages and no advisories. */
const notAsked = /^error: (error sending request|Failed to (get data|deserialize response) from the (npm )?registry)/m;

/**
 * A registry that cannot be asked is no reason to keep a change back: the next run asks again.
 * @param output without colours
 */
export function verdictOf(success: boolean, output: string): "sound" | "vulnerable" | "not asked" {
  if (success) return "sound";
  return !/^Found \d+ vulnerabilit/m.test(output) && notAsked.test(output) ? "not asked" : "vulnerable";
}
