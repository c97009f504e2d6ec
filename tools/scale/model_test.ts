import { ok, strictEqual } from "node:assert/strict";
import results from "../../bench/results/results.json" with { type: "json" };
import * as costs from "./costs.ts";
import { mostOfOneSubscriber, mostOnOneMachine, usualLoad } from "./model.ts";
import { limitsOf, needsOf } from "./plan.ts";
import { pointsOf, tolerance } from "./points.ts";

for (const { name, measured, predicted, residual, known } of pointsOf()) {
  if (!known) continue;
  Deno.test(`the model is within ${tolerance * 100} % of the benchmark: ${name}`, () => {
    ok(Math.abs(residual) <= tolerance, `${predicted} for ${measured}: off by ${(residual * 100).toFixed(1)} %`);
  });
}

Deno.test("the model knows nearly all of the benchmark's points", () => {
  const points = pointsOf();
  strictEqual(points.length, 23);
  strictEqual(points.filter(({ known }) => !known).length, 3);
});

Deno.test("a benchmark that has moved away from the model is found out", () => {
  const faster = structuredClone(results);
  for (const run of faster.scale.runs["4 of 10 players"]) run.eventsPerSecond *= 1.3;
  type Groups = NonNullable<Parameters<typeof pointsOf>[0]>;
  const off = pointsOf(faster as unknown as Groups).filter(({ known, residual }) =>
    known && Math.abs(residual) > tolerance
  );
  strictEqual(off.map(({ name }) => name).join(), "4 subscribers, 10 players, events/s");
});

Deno.test("what one of each can do is what the benchmark has seen, where it has", () => {
  const points = pointsOf();
  const measured = (name: string) => points.find((point) => point.name === name)!.measured;
  ok(Math.abs(costs.mostOf.publisher / measured("publisher, events/s") - 1) < 0.05);
  ok(Math.abs(costs.mostOf.queue / measured("endurance, in and out at once, events/s") - 1) < 0.05);
  ok(costs.mostOf.postgres > measured("2 subscribers, 10 players, events/s"));
});

Deno.test("mostOnOneMachine() grows with cores and subscribers, until the cores are used up", () => {
  const most = (subscribers: number, cores: number) => mostOnOneMachine(usualLoad, subscribers, cores);
  ok(most(1, 64) === mostOfOneSubscriber(usualLoad) && most(4, 64) === 4 * most(1, 64));
  ok(most(8, 2) < most(2, 2), "more subscribers than cores cost more than they bring");
});

Deno.test("needsOf() asks for ten times the cores for ten times the load, and for no less than one of each", () => {
  const amount = (load: number, what: string) => needsOf(load).find((need) => need.what === what)!.amount;
  for (const what of ["publishers", "queues", "subscribers", "Postgres primaries"]) {
    strictEqual(amount(1, what), 1, what);
  }
  strictEqual(Math.round(amount(1e6, "cores, publishers") / amount(1e5, "cores, publishers")), 10);
  ok(amount(1e6, "queues") * costs.mostOf.queue * costs.planned >= 1e6);
  ok(amount(1e6, "subscribers") * mostOfOneSubscriber(usualLoad) * costs.planned >= 1e6);
});

Deno.test("limitsOf() names what gives way first, first", () => {
  const limits = limitsOf().map(({ eventsPerSecond }) => eventsPerSecond);
  strictEqual(limits.join(), limits.toSorted((a, b) => a - b).join());
});
