import { Problem } from "../problem.ts";

const hourSeconds = 3_600;
/** History is kept for 90 days. */
const mostHours = 90 * 24;
/** Maximum number of points in a chart: 48 hours fit in steps of 5 minutes. The finest step that fits is used. */
const mostPoints = 600;
const steps = [60, 300, 900, 3_600, 14_400];

/** @throws {Problem} for unknown names and values */
export function parseHistoryQuery(
  query: URLSearchParams,
): { readonly stepSeconds: number; readonly spanSeconds: number } {
  for (const name of query.keys()) if (name !== "hours") throw new Problem(400, "hours is the only parameter");
  const text = query.get("hours") ?? "48";
  const hours = Number(text);
  if (!/^\d{1,4}$/.test(text) || hours < 1 || hours > mostHours) {
    throw new Problem(400, `hours must be a whole number from 1 to ${mostHours}`);
  }
  const spanSeconds = hours * hourSeconds;
  return { spanSeconds, stepSeconds: steps.find((step) => spanSeconds / step <= mostPoints)! };
}
