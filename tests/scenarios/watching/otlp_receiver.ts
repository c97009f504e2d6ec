/** A collector: receives OTLP over HTTP, as JSON. https://opentelemetry.io/docs/specs/otlp/#otlphttp */

export interface ReceivedSpan {
  /** `service.name` of the process. */
  readonly service: string;
  /** The tracer: `casino` for our spans, `deno` for the runtime's. */
  readonly scope: string;
  readonly schemaUrl: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty in a trace's first span. */
  readonly parentSpanId: string;
  /** OTLP's numbers: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  /** Nanoseconds since 1970. */
  readonly begun: bigint;
  readonly ended: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly failed: boolean;
}

const statusError = 2;

export class OtlpReceiver implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = [];
  /** All requests, those with logs or metrics too. */
  requests = 0;
  /** All received bodies, as text. */
  text = "";
  readonly #server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    this.requests++;
    const body = await request.text();
    this.text += body;
    if (new URL(request.url).pathname === "/v1/traces") this.spans.push(...spansOf(JSON.parse(body)));
    return Response.json({});
  });

  /** Settings with which a member sends its traces here without delay. */
  get env(): Record<string, string> {
    return {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "100",
    };
  }

  /** Our own spans with this name. */
  named(name: string): ReceivedSpan[] {
    return this.spans.filter((span) => span.scope === "casino" && span.name === name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.shutdown();
  }
}

/** The protocol's JSON. */
// deno-lint-ignore no-explicit-any -- the test reads a few keys of a large schema
type Json = any;

function spansOf({ resourceSpans }: Json): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }: Json) =>
    scopeSpans.flatMap(({ scope, schemaUrl, spans }: Json) =>
      spans.map(({ name, traceId, spanId, parentSpanId, kind, ...span }: Json): ReceivedSpan => ({
        ...{ name, traceId, spanId, parentSpanId, kind, schemaUrl, scope: scope.name },
        service: String(attributesOf(resource.attributes)["service.name"]),
        begun: BigInt(span.startTimeUnixNano),
        ended: BigInt(span.endTimeUnixNano),
        attributes: attributesOf(span.attributes),
        links: span.links ?? [],
        failed: span.status?.code === statusError,
      }))
    )
  );
}

/** OTLP's JSON has integers as decimal strings. They become bigints, which distinguishes them from doubles. */
function attributesOf(pairs: readonly { key: string; value: object }[] = []): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => {
    const [[kind, content] = []] = Object.entries(value);
    return [key, kind === "intValue" ? BigInt(String(content)) : content];
  }));
}
