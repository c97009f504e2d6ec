import { AsyncLocalStorage } from "node:async_hooks";
import type {
  Attributes,
  ChildSpec,
  Link,
  OpenSpan,
  RootSpan,
  SpanSpec,
  TraceParent,
  Tracing,
} from "../telemetry/tracing.ts";

export interface RecordedSpan extends Required<SpanSpec> {
  readonly self: TraceParent;
  readonly parent: TraceParent | undefined;
  readonly links: readonly Link[];
  attributes: Attributes;
  ended: boolean;
  error: unknown;
}

/** Spans that tests can read, in the order of their beginning. */
export class RecordedTracing implements Tracing {
  readonly spans: RecordedSpan[] = [];
  readonly #current = new AsyncLocalStorage<RecordedSpan>();
  #ids = 0;

  /** @param sample decides on each new trace; the first has the number 0 */
  constructor(private readonly sample: (trace: number) => boolean = () => true) {}

  begin(spec: SpanSpec): RootSpan {
    const sampled = this.sample(this.#ids);
    const self = this.#next(undefined, sampled);
    if (!sampled) return { parent: self, end() {} };
    const span = this.#record(spec, self, undefined);
    return { parent: self, end: (error) => void Object.assign(span, { ended: true, error }) };
  }

  async within<T>(spec: ChildSpec, work: (span: OpenSpan) => Promise<T>): Promise<T> {
    const parent = spec.parent ?? this.active();
    if (!parent?.sampled) return await work({ set() {} });
    const span = this.#record(spec, this.#next(parent.traceId, true), parent);
    try {
      return await this.#current.run(
        span,
        () => work({ set: (more) => void (span.attributes = { ...span.attributes, ...more }) }),
      );
    } catch (error) {
      span.error = error;
      throw error;
    } finally {
      span.ended = true;
    }
  }

  readonly active = (): TraceParent | undefined => this.#current.getStore()?.self;

  readonly extract = (header: unknown): TraceParent | undefined => {
    const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-(0\d)$/.exec(String(header)) ?? [];
    return traceId && spanId ? { traceId, spanId, sampled: flags === "01" } : undefined;
  };

  readonly inject = ({ traceId, spanId, sampled }: TraceParent): string =>
    `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;

  /** The only span of this name. */
  the(name: string): RecordedSpan {
    const [found, ...more] = this.spans.filter((span) => span.name === name);
    if (!found || more.length > 0) throw new Error(`not one span "${name}" among: ${this.names()}`);
    return found;
  }

  names(): string[] {
    return this.spans.map(({ name }) => name);
  }

  #record(spec: ChildSpec, self: TraceParent, parent: TraceParent | undefined): RecordedSpan {
    const span = { attributes: {}, links: [], ...spec, self, parent, ended: false, error: undefined };
    this.spans.push(span);
    return span;
  }

  #next(traceId: string | undefined, sampled: boolean): TraceParent {
    const id = (++this.#ids).toString(16).padStart(16, "0");
    return { traceId: traceId ?? `a${id.padStart(31, "0")}`, spanId: id, sampled };
  }
}
