import type { CampaignResult } from "./campaign.ts";

const columns = [
  ...["seed", "faults", "attempted", "confirmed", "stored", "dead", "replayed", "lost", "unexpected"] as const,
  ...["duplicated", "unreported", "seconds"] as const,
];

/** Markdown, as docs/reliability.md shows it. */
export const header = [`| ${columns.join(" | ")} | totals |`, `|${columns.map(() => " ---: |").join("")} --- |`].join(
  "\n",
);

export function asRow(result: CampaignResult): string {
  const cells = columns.map((column) => String(result[column]).padStart(column.length));
  return `| ${cells.join(" | ")} | ${result.problems.length === 0 ? "equal" : "NOT AS THEY SHOULD BE"} |`;
}
