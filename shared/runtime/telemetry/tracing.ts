/**
 * The interface of tracing. Only the publisher begins traces. Other members continue the traces that they receive, and
 * record nothing for an unsampled trace. See docs/tracing.md.
 */

/** The message header and gRPC metadata key that passes a span to another process (W3C Trace Context). */
export const traceparentHeader = "traceparent";

/** A span's identity, which other processes can refer to. */
export interface TraceParent {
  /** 32 hexadecimal digits in lower case. */
  readonly traceId: string;
  /** 16 hexadecimal digits in lower case. */
  readonly spanId: string;
  /** Whether the span is recorded. A process that receives it records its own work only then. */
  readonly sampled: boolean;
}

/** The version of OpenTelemetry's semantic conventions that our names and attributes follow. */
export const conventions = "1.44.0";
export const schemaUrl = `https://opentelemetry.io/schemas/${conventions}`;

/** Attributes leave the process: they must not contain secrets, and of events only ids and counts. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

export interface SpanSpec {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes?: Attributes;
}

export interface ChildSpec extends SpanSpec {
  /** Another process's span. Default: the caller's current span. */
  readonly parent?: TraceParent;
  readonly links?: readonly Link[];
}

export interface Link {
  readonly to: TraceParent;
  readonly attributes?: Attributes;
}

/** A span that begins a trace. */
export interface RootSpan {
  readonly parent: TraceParent;
  /** @param error why the work failed, if it did */
  end(error?: unknown): void;
}

/** A span whose work is running. */
export interface OpenSpan {
  set(attributes: Attributes): void;
}

export interface Tracing {
  /** Begins a trace, sampled or not. The caller ends it. */
  begin(span: SpanSpec): RootSpan;

  /**
   * Runs `work` within a span, which ends with it and records its error. Runs it without a span if the parent is
   * missing or not
   * sampled.
   */
  inSpan<T>(span: ChildSpec, work: (span: OpenSpan) => Promise<T>): Promise<T>;

  /** Returns the caller's current span, if it is sampled. */
  readonly active: () => TraceParent | undefined;

  /** Returns the span in a `traceparent` header; `undefined` for an invalid header, which publishers may send. */
  readonly extract: (header: unknown) => TraceParent | undefined;

  /** Returns the `traceparent` header for this span. */
  readonly inject: (span: TraceParent) => string;
}

/** Returns a value for `error.type`: the error's reason or code, otherwise its name. */
export function errorType(error: unknown): string {
  const { reason, code, name } = (error ?? {}) as { reason?: unknown; code?: unknown; name?: unknown };
  for (const type of [reason, code, name]) if (typeof type === "string" && type !== "") return type;
  return "_OTHER";
}

/** Returns `server.address` and `server.port` of a URL, never its user or password. */
export function serverOf(url: string): Attributes {
  const { hostname, port } = new URL(url);
  return { "server.address": hostname, ...(port && { "server.port": Number(port) }) };
}
