/** W3C Trace Context: how one process tells another which span made what it sends. */

/** The header of a message and the key in gRPC's metadata. */
export const traceparentHeader = "traceparent";

export interface TraceParent {
  /** 32 hexadecimal digits in lower case. */
  readonly traceId: string;
  /** 16 of them. */
  readonly spanId: string;
  /** Whether the span is recorded; who is given it then records his own work, and nobody else does. */
  readonly sampled: boolean;
}

/** A later version may add fields at the end; all zeros and version ff are invalid. https://www.w3.org/TR/trace-context/#traceparent-header */
const format = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]([0-9a-f])(-.*)?$/;

/** `undefined` for anything but a valid one: whoever publishes may write what they like there. */
export function parseTraceparent(value: unknown): TraceParent | undefined {
  if (typeof value !== "string") return undefined;
  const [, version, traceId, spanId, flags, more] = format.exec(value) ?? [];
  if (!traceId || !spanId || !flags || (version === "00" && more !== undefined)) return undefined;
  return { traceId, spanId, sampled: (parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent({ traceId, spanId, sampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}
