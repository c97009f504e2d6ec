/** Known vulnerabilities of what deno.lock pins, as the registry knows them. */

/** Those that were looked at and do not concern us, each with the reason and the day: `{ id: "CVE-2026-1", why: "…" }`. */
export const accepted: readonly { readonly id: string; readonly why: string }[] = [];

export const auditArgs: readonly string[] = [
  ...["audit", "--level=high"],
  ...accepted.flatMap(({ id }) => ["--ignore", id]),
];

/** A registry that cannot be asked is no reason to keep a change back: the next run asks again. */
export function verdictOf(success: boolean, output: string): "sound" | "vulnerable" | "not asked" {
  if (/error sending request|Failed to get data from the registry|dns error|client error/i.test(output)) {
    return "not asked";
  }
  return success ? "sound" : "vulnerable";
}
