import { deepStrictEqual } from "node:assert/strict";
import { type Readiness, readinessOf } from "./health.ts";
import { dependencies, type Dependency, type DependencyState } from "../metrics/probes.ts";

function readiness(
  down: Partial<Record<Dependency, string>>,
  { consuming = true, leaving = false } = {},
): Promise<Readiness> {
  const states = Object.fromEntries(
    dependencies.map((name) => [name, { ok: down[name] === undefined, problem: down[name] }]),
  ) as Record<Dependency, DependencyState>;
  const depths = { events: { messages: 5, consumers: 2 }, dead: { messages: 1 } };
  return readinessOf({
    dependencies: () => Promise.resolve(states),
    consuming: () => consuming,
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

Deno.test("readinessOf() gives every reason why the subscriber is not ready", async () => {
  const down = await readiness({ rabbitmq: "refused", postgres: "starting up" }, { consuming: false });
  deepStrictEqual([down.ready, down.why_not, down.consumers], [
    false,
    [
      "This subscriber is not consuming.",
      "RabbitMQ does not serve: refused.",
      "Postgres does not serve: starting up.",
    ],
    null,
  ]);
  deepStrictEqual((await readiness({}, { leaving: true })).why_not, ["This subscriber is leaving."]);
});
