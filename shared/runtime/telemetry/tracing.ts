/**
 * Spans, as the code that makes them sees them. Only a publisher begins traces; all others continue the trace that they are
 * given, and record nothing of a trace that is not sampled. See docs/tracing.md.
 */

/** The header of a message, and the key in gRPC's metadata, by which W3C Trace Context names a span to another process. */
export const traceparentHeader = "traceparent";

/** A span, as other processes know it. */
export interface TraceParent {
  /** 32 hexadecimal digits in lower case. */
  readonly traceId: string;
  /** 16 of them. */
  readonly spanId: string;
  /** Whether the span is recorded: then a process that is given it records its own work. */
  readonly sampled: boolean;
}

/** The version of OpenTelemetry's semantic conventions that our names and attributes follow. */
export const conventions = "1.44.0";
export const schemaUrl = `https://opentelemetry.io/schemas/${conventions}`;

/** Leaves the process: nothing secret, and of events nothing but ids and counts. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

export interface SpanSpec {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes?: Attributes;
}

export interface ChildSpec extends SpanSpec {
  /** Another process's span; without one, the span that the caller is in. */
  readonly parent?: TraceParent;
  readonly links?: readonly Link[];
}

/** A related span. */
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

/** A span while its work goes on. */
export interface OpenSpan {
  set(attributes: Attributes): void;
}

export interface Tracing {
  /** Begins a trace, sampled or not. The caller ends it. */
  begin(span: SpanSpec): RootSpan;

  /**
   * Does the work inside a span, which ends with it and has its error. Without a span if the parent is missing or not
   * sampled.
   */
  inSpan<T>(span: ChildSpec, work: (span: OpenSpan) => Promise<T>): Promise<T>;

  /** The span that the caller is in, if it is sampled. */
  readonly active: () => TraceParent | undefined;

  /** The span that a `traceparent` header names; `undefined` for anything but a valid one: publishers are free to write. */
  readonly extract: (header: unknown) => TraceParent | undefined;

  /** The `traceparent` header that names this span. */
  readonly inject: (span: TraceParent) => string;
}

/** A class of errors, for `error.type`: the error's reason or code, else its name. */
export function errorType(error: unknown): string {
  const { reason, code, name } = (error ?? {}) as { reason?: unknown; code?: unknown; name?: unknown };
  for (const type of [reason, code, name]) if (typeof type === "string" && type !== "") return type;
  return "_OTHER";
}

/** `server.address` and `server.port` of a URL; never its user or its password. */
export function serverOf(url: string): Attributes {
  const { hostname, port } = new URL(url);
  return { "server.address": hostname, ...(port && { "server.port": Number(port) }) };
}
