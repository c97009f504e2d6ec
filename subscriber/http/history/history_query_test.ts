import { deepStrictEqual, throws } from "node:assert/strict";
import { parseHistoryQuery } from "./history_query.ts";

Deno.test("parseHistoryQuery() defaults to two days, in steps that fit a chart", () => {
  const stepOf = (query: string) => parseHistoryQuery(new URLSearchParams(query)).stepSeconds;
  deepStrictEqual(parseHistoryQuery(new URLSearchParams()), { spanSeconds: 172_800, stepSeconds: 300 });
  deepStrictEqual(["hours=1", "hours=10", "hours=11", "hours=150", "hours=151", "hours=2160"].map(stepOf), [
    ...[60, 60, 300, 900, 3_600, 14_400],
  ]);
  for (const wrong of ["hours=0", "hours=2161", "hours=-1", "hours=x", "hour=1"]) throws(() => stepOf(wrong), /hours/);
});
