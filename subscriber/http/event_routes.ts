/** `GET /events`: the newest stored events, once as JSON, or as a stream of server-sent events. */
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Enriched } from "../enriched/enriched.ts";
import { storedEventJson } from "../enriched/json_line.ts";
import type { Env } from "./access/access.ts";
import { type EventQuery, matches, parseEventQuery } from "./event_query.ts";
import { Problem } from "./problem.ts";
import { type RecentEvents, shownOf } from "../metrics/recent_events.ts";

/** A human reads no more than this. The stream counts the other events. */
const mostPerSecond = 20;
const mostStreams = 100;
/** Keeps one address from taking all streams. */
const mostOfAddress = 10;
const heartbeatMs = 15_000;

export interface EventRoutesOptions {
  readonly recent: RecentEvents;
  readonly clock: Clock;
  /** Ends all streams. */
  readonly stop: AbortSignal;
}

export function eventRoutes(
  { recent, clock, stop }: EventRoutesOptions,
): (context: Context<Env>) => Response {
  /** Open streams, by address. */
  const streams = new Map<string, number>();
  return (context) => {
    const query = parseEventQuery(new URL(context.req.url).searchParams);
    if (!context.req.header("accept")?.includes("text/event-stream")) {
      const found: string[] = [];
      for (const enriched of recent.newest()) {
        if (found.length === query.limit) break;
        if (matches(enriched, query)) found.push(storedEventJson(enriched));
      }
      return context.body(`{"events":[${found.join(",")}]}\n`, 200, { "content-type": "application/json" });
    }
    const { address } = context.env;
    const ofAddress = streams.get(address) ?? 0;
    if (recent.listeners >= mostStreams || ofAddress >= mostOfAddress) {
      const which = ofAddress >= mostOfAddress ? `${mostOfAddress} streams of ${address}` : `${mostStreams} streams`;
      throw new Problem(503, `${which} are open already`, { "retry-after": "10" });
    }
    streams.set(address, ofAddress + 1);
    // nginx would otherwise hold the stream back until its buffer is full.
    context.header("x-accel-buffering", "no");
    return streamSSE(context, async (stream) => {
      const ended = new AbortController();
      const end = () => ended.abort(new Error("the stream has ended"));
      stream.onAbort(end);
      stop.addEventListener("abort", end, { once: true });
      const sample = new Sample(query);
      const unlisten = recent.listen((events) => sample.add(events));
      try {
        await stream.write(": the newest events, sampled\n\n");
        let saidAt = clock.monotonic();
        while (!ended.signal.aborted && context.get("isStillIn")()) {
          await clock.sleep(1000 / pushesPerSecond, ended.signal).catch(() => {});
          const { shown, skipped } = sample.take();
          const words = shown.map((enriched) => sse("event", storedEventJson(enriched)));
          if (shown.length > 0) words.push(sse("sampled", JSON.stringify({ shown: shown.length, skipped })));
          else if (clock.monotonic() - saidAt >= heartbeatMs) words.push(": still here\n\n");
          if (words.length === 0) continue;
          await stream.write(words.join(""));
          saidAt = clock.monotonic();
        }
      } finally {
        unlisten();
        const left = (streams.get(address) ?? 1) - 1;
        if (left > 0) streams.set(address, left);
        else streams.delete(address);
        stop.removeEventListener("abort", end);
      }
    });
  };
}

/** Frequent enough to show an event on an idle queue at once. */
const pushesPerSecond = 4;

/** The events since the last push: the first ones, and the number of the others. */
class Sample {
  #shown: Enriched[] = [];
  #skipped = 0;

  constructor(private readonly query: EventQuery) {}

  add(events: readonly Enriched[]): void {
    for (const enriched of events) {
      if (!matches(enriched, this.query)) continue;
      if (this.#shown.length < mostPerSecond / pushesPerSecond) this.#shown.push(shownOf(enriched));
      else this.#skipped++;
    }
  }

  take(): { shown: readonly Enriched[]; skipped: number } {
    const taken = { shown: this.#shown, skipped: this.#skipped };
    this.#shown = [];
    this.#skipped = 0;
    return taken;
  }
}

function sse(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}
