/** Records spans with Deno's built-in OpenTelemetry, which OTEL_DENO=true turns on. */
import type { Context, Span, SpanContext, Tracer } from "@opentelemetry/api";
import { redact } from "../secrets.ts";
import { version } from "../configuration/command.ts";
import { withIntegers } from "../deno_workarounds/otel_integers.ts";
import { messageOf } from "../errors.ts";
import {
  type ChildSpec,
  errorType,
  type OpenSpan,
  type RootSpan,
  schemaUrl,
  type SpanSpec,
  type TraceParent,
  traceparentHeader,
  type Tracing,
} from "./tracing.ts";

type Api = typeof import("@opentelemetry/api");

/** Returns `undefined` when tracing is off, without loading OpenTelemetry's API. */
export async function openTracing(): Promise<Tracing | undefined> {
  return isOn() ? new DenoTracing(await import("@opentelemetry/api")) : undefined;
}

/** Looks for Deno's registered providers, because reading OTEL_DENO would need a permission. */
function isOn(): boolean {
  const registered: unknown = Reflect.get(globalThis, Symbol.for("opentelemetry.js.api.1"));
  return typeof registered === "object" && registered !== null && "trace" in registered;
}

class DenoTracing implements Tracing {
  readonly #tracer: Tracer;

  constructor(private readonly api: Api) {
    this.#tracer = api.trace.getTracerProvider().getTracer("casino", version, { schemaUrl });
  }

  begin({ name, kind, attributes = {} }: SpanSpec): RootSpan {
    const span = this.#tracer.startSpan(name, { kind: this.#kind(kind), root: true });
    const parent = parentOf(span.spanContext());
    if (!parent.sampled) return { parent, end: () => {} };
    span.setAttributes(withIntegers(attributes));
    return {
      parent,
      end: (error) => {
        if (error !== undefined) this.#failed(span, error);
        span.end();
      },
    };
  }

  async inSpan<T>(spec: ChildSpec, work: (span: OpenSpan) => Promise<T>): Promise<T> {
    const around = this.#parentContext(spec.parent);
    if (!around) return await work(nowhere);
    const { context, trace } = this.api;
    const { name, kind, attributes = {}, links = [] } = spec;
    const span = this.#tracer.startSpan(name, {
      kind: this.#kind(kind),
      attributes: withIntegers(attributes),
      links: links.map(({ to, attributes = {} }) => ({
        context: this.#remote(to),
        attributes: withIntegers(attributes),
      })),
    }, around);
    return await context.with(trace.setSpan(around, span), async () => {
      try {
        return await work({ set: (more) => void span.setAttributes(withIntegers(more)) });
      } catch (error) {
        this.#failed(span, error);
        throw error;
      } finally {
        span.end();
      }
    });
  }

  readonly active = (): TraceParent | undefined => {
    const span = this.api.trace.getActiveSpan();
    const parent = span && parentOf(span.spanContext());
    return parent?.sampled ? parent : undefined;
  };

  readonly extract = (header: unknown): TraceParent | undefined => {
    if (typeof header !== "string") return undefined;
    const { propagation, ROOT_CONTEXT, trace } = this.api;
    const context = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, { [traceparentHeader]: header }));
    return context && parentOf(context);
  };

  readonly inject = (span: TraceParent): string => {
    const { propagation, ROOT_CONTEXT, trace } = this.api;
    const carrier: Record<string, string> = {};
    propagation.inject(trace.setSpanContext(ROOT_CONTEXT, this.#remote(span)), carrier);
    return carrier[traceparentHeader] ?? "";
  };

  #parentContext(parent: TraceParent | undefined): Context | undefined {
    const { context, ROOT_CONTEXT, trace } = this.api;
    if (!parent) return this.active() && context.active();
    return parent.sampled ? trace.setSpanContext(ROOT_CONTEXT, this.#remote(parent)) : undefined;
  }

  #remote({ traceId, spanId, sampled }: TraceParent) {
    const { NONE, SAMPLED } = this.api.TraceFlags;
    return { traceId, spanId, traceFlags: sampled ? SAMPLED : NONE, isRemote: true };
  }

  #kind(kind: SpanSpec["kind"]) {
    return this.api.SpanKind[kind.toUpperCase() as Uppercase<typeof kind>];
  }

  #failed(span: Span, error: unknown): void {
    span.setAttribute("error.type", errorType(error));
    span.setStatus({ code: this.api.SpanStatusCode.ERROR, message: redact(messageOf(error)) });
  }
}

const nowhere: OpenSpan = { set() {} };

function parentOf({ traceId, spanId, traceFlags }: SpanContext): TraceParent {
  return { traceId, spanId, sampled: (traceFlags & 1) === 1 };
}
