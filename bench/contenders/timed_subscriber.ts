/**
 * The real subscriber. For each event it records the time from when the event was due until its commit was known. It
 * prints the latencies on SIGTERM.
 */
import { percentile } from "../results.ts";
import { runSubscriber } from "../../subscriber/main.ts";

const latenciesMs: number[] = [];
/** The first events also pay for compiling and connecting. */
const skipped = Number(Deno.env.get("SKIP_EVENTS"));

Deno.addSignalListener("SIGTERM", () => {
  const sorted = Float64Array.from(latenciesMs.slice(skipped)).sort();
  const figures = { p50Ms: percentile(sorted, 50), p99Ms: percentile(sorted, 99), p999Ms: percentile(sorted, 99.9) };
  console.log(`latencies ${JSON.stringify({ ...figures, maxMs: sorted.at(-1), events: sorted.length })}`);
});

await runSubscriber((edges) => ({
  ...edges,
  store: {
    async save(events) {
      const saved = await edges.store.save(events);
      const now = performance.timeOrigin + performance.now();
      for (const { event: { createdAt } } of events) {
        latenciesMs.push(now - createdAt.seconds * 1_000 - createdAt.nanos / 1e6);
      }
      return saved;
    },
    dryRun: (events) => edges.store.dryRun(events),
  },
}));
