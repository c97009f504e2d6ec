/**
 * Deno exports every number in a span's attributes as a double. The semantic conventions require integers for some of
 * them, such as `http.response.status_code`. Deno exports a bigint as an integer.
 *
 * Report: none known. Seen with Deno 2.9.3.
 * Remove it when tests/scenarios/watching/tracing_scenario.ts passes without it.
 */
import type { Attributes } from "../telemetry/tracing.ts";

/** Returns the attributes with each integer as a bigint, which OpenTelemetry's types do not include. */
export function withIntegers(attributes: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) as unknown as number : value,
    ]),
  );
}
