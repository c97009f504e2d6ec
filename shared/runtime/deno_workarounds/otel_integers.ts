/**
 * Deno exports every number of a span's attributes as a double, also those that the semantic conventions want as integers
 * (`http.response.status_code`). It exports a bigint as an integer.
 *
 * Report: none known. Seen with Deno 2.9.3.
 * Remove it when tests/scenarios/watching/tracing_scenario.ts passes without it.
 */
import type { Attributes } from "../telemetry/tracing.ts";

/** The attributes with each whole number as a bigint, which OpenTelemetry's types do not know. */
export function withIntegers(attributes: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) as unknown as number : value,
    ]),
  );
}
