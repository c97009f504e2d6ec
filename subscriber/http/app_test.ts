import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import type { Acts } from "../../shared/postgres/acts.ts";
import type { DeadLetterAdmin } from "../../shared/rabbitmq/dead/admin.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { RecentEvents } from "../metrics/recent_events.ts";
import { httpApp } from "./app.ts";

const unused = () => Promise.reject(new Error("not asked here"));

function appWith() {
  const stop = new AbortController();
  const app = httpApp({
    ...{ totals: unused, overview: unused, history: unused },
    readiness: () => Promise.resolve({ ready: true, why_not: [], consumers: 1, dependencies: [], subscribers: [] }),
    metrics: { contentType: "text/plain", text: unused },
    recent: new RecentEvents(),
    admin: {} as DeadLetterAdmin,
    ...{ waiting: unused, find: unused },
    ...{ tokens: undefined, open: true, allowedHosts: [], onSignIn: () => {}, acts: {} as Acts, subscriberId: "one" },
    ...{ clock: new VirtualClock(), log: silentLog, stop: stop.signal },
  });
  const ask = (path: string, address = "198.51.100.1", headers: HeadersInit = {}) =>
    app(new Request(`http://127.0.0.1${path}`, { headers: { host: "127.0.0.1", ...headers } }), {
      ...{ address, local: "127.0.0.1", secure: false },
    });
  return { ask, stop };
}

async function statusesOf(count: number, ask: () => Promise<Response>): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (let i = 0; i < count; i++) {
    const { status } = await ask();
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

Deno.test("an address is limited; others and probes are not", async () => {
  const { ask } = appWith();
  deepStrictEqual(await statusesOf(300, () => ask("/openapi.json")), { 200: 200, 429: 100 });
  deepStrictEqual(await statusesOf(300, () => ask("/health/live")), { 200: 300 });
  deepStrictEqual(await statusesOf(300, () => ask("/health/ready")), { 200: 300 });
  deepStrictEqual(await statusesOf(200, () => ask("/openapi.json", "198.51.100.2")), { 200: 200 });
});

Deno.test("a stream of events starts at once, and asks proxies not to buffer it", async () => {
  const { ask, stop } = appWith();
  const response = await ask("/events", "198.51.100.1", { accept: "text/event-stream" });
  deepStrictEqual(
    ["content-type", "x-accel-buffering", "cache-control"].map((name) => response.headers.get(name)),
    ["text/event-stream", "no", "no-cache"],
  );
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  strictEqual(new TextDecoder().decode(value), ": the newest events, sampled\n\n");
  stop.abort();
  strictEqual((await reader.read()).done, true);
});

Deno.test("on loopback, only this machine's own names are served", async () => {
  const { ask } = appWith();
  const statusOf = async (host: string) => (await ask("/health/live", "127.0.0.1", { host })).status;
  for (const host of ["localhost:8080", "127.0.0.1", "[::1]:8080", "[::ffff:127.0.0.1]:8080", "[::ffff:7f00:1]"]) {
    strictEqual(await statusOf(host), 200, host);
  }
  for (const host of ["evil.example", "127.0.0.1.evil.example", "[::2]", "10.0.0.1:8080", ""]) {
    strictEqual(await statusOf(host), 421, host);
  }
});
