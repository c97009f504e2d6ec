import { deepStrictEqual } from "node:assert/strict";
import { Health } from "./health.ts";
import { dependencies, type Dependency, type DependencyState } from "../metrics/probes.ts";

function health(down: Partial<Record<Dependency, string>>, { consuming = true, leaving = false } = {}): Health {
  const states = Object.fromEntries(
    dependencies.map((name) => [name, { ok: down[name] === undefined, problem: down[name] }]),
  ) as Record<Dependency, DependencyState>;
  const depths = { events: { messages: 5, consumers: 2 }, dead: { messages: 1 } };
  return new Health({
    dependencies: () => Promise.resolve(states),
    consuming: () => consuming,
    depths: () => down.rabbitmq ? Promise.reject(new Error(down.rabbitmq)) : Promise.resolve(depths),
    leaving: leaving ? AbortSignal.abort() : new AbortController().signal,
  });
}

Deno.test("Health is ready while it consumes and what it cannot do without serves", async () => {
  const well = await health({}).ready();
  deepStrictEqual([well.ready, well.why_not, well.consumers], [true, [], 2]);
  const without = await health({ redis: "away", rates_api: "away" }).ready();
  deepStrictEqual([without.ready, without.why_not], [true, []]);
  deepStrictEqual(without.dependencies.filter(({ ok }) => !ok).map(({ name }) => name), ["Redis", "Rates API"]);
});

Deno.test("Health says why it is not ready, all of it", async () => {
  const down = await health({ rabbitmq: "refused", postgres: "starting up" }, { consuming: false }).ready();
  deepStrictEqual([down.ready, down.why_not, down.consumers], [
    false,
    [
      "This subscriber is not consuming.",
      "RabbitMQ does not serve: refused.",
      "Postgres does not serve: starting up.",
    ],
    null,
  ]);
  deepStrictEqual((await health({}, { leaving: true }).ready()).why_not, ["This subscriber is leaving."]);
});
