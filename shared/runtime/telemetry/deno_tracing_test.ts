import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type Span, type SpanStatus, trace, type TracerProvider } from "@opentelemetry/api";
import { PublishError } from "../../rabbitmq/publish/publisher.ts";
import { openTracing } from "./deno_tracing.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";

/** A span that records the calls that DenoTracing makes. */
class KeptSpan {
  readonly attributes: Record<string, unknown> = {};
  status: SpanStatus | undefined;
  ends = 0;
  constructor(private readonly traceFlags: number) {}
  spanContext = () => ({ traceId, spanId: "b7ad6b7169203331", traceFlags: this.traceFlags });
  setAttribute = (name: string, value: unknown) => void (this.attributes[name] = value);
  setAttributes = (more: object) => void Object.assign(this.attributes, more);
  setStatus = (status: SpanStatus) => void (this.status = status);
  end = () => void this.ends++;
}

/** Returns tracing on a runtime whose tracer starts this span. */
async function tracingOf(span: KeptSpan) {
  const tracer = { startSpan: () => span as unknown as Span };
  trace.setGlobalTracerProvider({ getTracer: () => tracer } as unknown as TracerProvider);
  const tracing = await openTracing();
  return { tracing: tracing!, [Symbol.dispose]: () => trace.disable() };
}

Deno.test("openTracing() returns nothing without OpenTelemetry in the runtime", async () => {
  strictEqual(await openTracing(), undefined);
});

Deno.test("a failed span has the class of its error, and no password of its message", async () => {
  const span = new KeptSpan(1);
  using on = await tracingOf(span);
  const { end } = on.tracing.begin({ name: "publish events", kind: "producer" });
  end(new PublishError("returned", "m1", "amqp://guest:secret@broker.example:5672 leads to no queue"));
  strictEqual(span.attributes["error.type"], "returned");
  deepStrictEqual([span.status?.message?.includes("secret"), span.status?.code], [false, 2]);
  strictEqual(span.ends, 1);
});

Deno.test("a successful span has no status, and whole numbers are integers", async () => {
  const span = new KeptSpan(1);
  using on = await tracingOf(span);
  on.tracing.begin({ name: "a", kind: "producer", attributes: { count: 7, share: 0.5, name: "x" } }).end();
  deepStrictEqual(span.attributes, { count: 7n, share: 0.5, name: "x" });
  deepStrictEqual([span.status, span.ends], [undefined, 1]);
});

Deno.test("an unsampled span records nothing", async () => {
  const span = new KeptSpan(0);
  using on = await tracingOf(span);
  const { parent, end } = on.tracing.begin({ name: "a", kind: "producer", attributes: { count: 7 } });
  end(new Error("it failed"));
  deepStrictEqual(parent, { traceId, spanId: "b7ad6b7169203331", sampled: false });
  deepStrictEqual([span.attributes, span.status, span.ends], [{}, undefined, 0]);
});

Deno.test("work without a span runs normally, and its errors reach the caller", async () => {
  using on = await tracingOf(new KeptSpan(1));
  strictEqual(await on.tracing.inSpan({ name: "a", kind: "internal" }, () => Promise.resolve(7)), 7);
  strictEqual(on.tracing.active(), undefined);
});
