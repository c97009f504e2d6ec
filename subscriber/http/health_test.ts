import { deepStrictEqual } from "node:assert/strict";
import { type Readiness, readinessOf } from "./health.ts";
import { reportOf } from "../../tests/conformance/fleet.ts";
import type { SubscriberAnswer } from "../dashboard/subscriber_answer.ts";
import { viewOf } from "../metrics/fleet/fleet_view.ts";
import { dependencies, type Dependency, type DependencyState } from "../metrics/probes.ts";

const [stuck] = viewOf([{ ...reportOf("other"), heard_ms: 0 }], [1], 0).subscribers as [SubscriberAnswer];

function readiness(
  down: Partial<Record<Dependency, string>>,
  { consuming = true, leaving = false, lastError = null as string | null, takesMore = false } = {},
): Promise<Readiness> {
  const states = Object.fromEntries(
    dependencies.map((name) => [name, { ok: down[name] === undefined, problem: down[name] }]),
  ) as Record<Dependency, DependencyState>;
  const depths = { events: { messages: 5, consumers: 2 }, dead: { messages: 1 } };
  return readinessOf({
    dependencies: () => Promise.resolve(states),
    consuming: () => consuming,
    own: {
      takesMore,
      read: () => reportOf("one", { state: lastError === null ? "working" : "holding", last_error: lastError }),
    },
    subscribers: () => Promise.resolve({ subscribers: [stuck], unacknowledged: 500, unheard: 0 }),
    depths: () => down.rabbitmq ? Promise.reject(new Error(down.rabbitmq)) : Promise.resolve(depths),
    leaving: leaving ? AbortSignal.abort() : new AbortController().signal,
  });
}

Deno.test("readinessOf() is ready while the subscriber consumes and RabbitMQ and Postgres serve", async () => {
  const well = await readiness({});
  deepStrictEqual([well.ready, well.why_not, well.consumers], [true, [], 2]);
  const without = await readiness({ redis: "away", rates_api: "away" });
  deepStrictEqual([without.ready, without.why_not], [true, []]);
  deepStrictEqual(without.dependencies.filter(({ ok }) => !ok).map(({ name }) => name), ["Redis", "Rates API"]);
});

Deno.test("readinessOf() lists every reason why the subscriber is not ready", async () => {
  const down = await readiness({ rabbitmq: "refused", postgres: "starting up" }, { consuming: false });
  deepStrictEqual([down.ready, down.why_not, down.consumers], [
    false,
    [
      "This subscriber is not consuming.",
      "RabbitMQ is not available: refused.",
      "Postgres is not available: starting up.",
    ],
    null,
  ]);
  deepStrictEqual((await readiness({}, { leaving: true })).why_not, ["This subscriber is shutting down."]);
});

Deno.test("readinessOf() is not ready while a batch is held for any cause, and lists other holding subscribers", async () => {
  const holding = await readiness({}, { lastError: "the database has neither stored nor rejected the batch" });
  deepStrictEqual(holding.why_not, [
    "This subscriber holds events: the database has neither stored nor rejected the batch.",
  ]);
  const beside = await readiness({});
  deepStrictEqual([beside.ready, beside.subscribers], [true, [stuck]]);
});

Deno.test("readinessOf() is ready while the consumer holds messages and it takes more", async () => {
  const lastError = "2 messages are held";
  deepStrictEqual((await readiness({}, { lastError, takesMore: true })).why_not, []);
  deepStrictEqual((await readiness({}, { lastError })).why_not, [`This subscriber holds events: ${lastError}.`]);
});
