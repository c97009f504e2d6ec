import { deepStrictEqual, rejects } from "node:assert/strict";
import { reportOf } from "../../tests/conformance/fleet.ts";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import type { SubscriberReport } from "../metrics/fleet/fleet.ts";
import { MemoryFleet } from "../metrics/fleet/memory_fleet.ts";
import { askSubscribers } from "./held.ts";
import { parseFind } from "./query.ts";

const held = { message_id: "017f22e2-79b0-7cc3-98c4-dc0c0c07398f" };
const holding = { state: "holding", events: 500, held_ms: 60_000 } as const;
const working = { state: "working", events: 13, held_ms: 40 } as const;

/**
 * Returns a fleet of subscribers that report every second. Each has a report and an answer; `undefined` is no answer.
 */
async function fleetOf(subscribers: Record<string, [Partial<SubscriberReport>, string | undefined]>) {
  const clock = new VirtualClock();
  const fleet = new MemoryFleet(clock);
  const questions: string[] = [];
  const tell = async () => {
    for (const [id, [report, answer]] of Object.entries(subscribers)) {
      for (const { id: asked } of await fleet.tell(reportOf(id, report))) {
        questions.push(id);
        if (answer !== undefined) await fleet.answer(asked, id, answer);
      }
    }
  };
  await tell();
  const ask = async () => {
    const asking = askSubscribers(parseFind({ id: "7" }), { fleet, clock, newId: () => "a" });
    asking.catch(() => {});
    for (let second = 0; second < 4; second++) {
      await clock.advance(900);
      await tell();
    }
    return await asking;
  };
  return { ask, clock, questions };
}

Deno.test("askSubscribers() asks the subscribers that hold events, and tells who has it", async () => {
  const { ask, questions } = await fleetOf({
    one: [holding, "[]"],
    two: [holding, JSON.stringify([held])],
    three: [working, "never asked"],
    four: [{ ...holding, events: 0 }, "never asked"],
  });
  deepStrictEqual(await ask(), { found: [{ by: "two", held }], asked: 2, unheard: [], passing: 13 });
  deepStrictEqual(new Set(questions).has("one"), true);
});

Deno.test("askSubscribers() asks a working subscriber that has held a delivery for a second", async () => {
  const { ask } = await fleetOf({ one: [{ ...working, held_ms: 1_000 }, JSON.stringify([held])] });
  deepStrictEqual((await ask()).found, [{ by: "one", held }]);
});

Deno.test("askSubscribers() asks a release that does not report held_ms", async () => {
  const { ask } = await fleetOf({ one: [{ state: "working", events: 13 }, undefined] });
  deepStrictEqual((await ask()).unheard, [{ id: "one", events: 13 }]);
});

Deno.test("askSubscribers() asks no subscriber when none holds an event", async () => {
  const { ask, questions } = await fleetOf({ one: [working, "never asked"], two: [{ ...holding, events: 0 }, ""] });
  deepStrictEqual([await ask(), questions], [{ found: [], asked: 0, unheard: [], passing: 13 }, []]);
});

Deno.test("askSubscribers() names subscribers that do not answer, answer something else, or are silent", async () => {
  const { ask } = await fleetOf({
    one: [holding, undefined],
    two: [holding, "no JSON"],
    three: [holding, JSON.stringify([held])],
  });
  const { found, unheard } = await ask();
  deepStrictEqual([found.map(({ by }) => by), unheard], [
    ["three"],
    [{ id: "one", events: 500 }, { id: "two", events: 500 }],
  ]);
});

Deno.test("askSubscribers() names a killed subscriber as silent, and rethrows errors of the fleet", async () => {
  const clock = new VirtualClock();
  const fleet = new MemoryFleet(clock);
  await fleet.tell(reportOf("one", working));
  await clock.advance(6_000);
  const options = { fleet, clock, newId: () => "a" };
  deepStrictEqual(await askSubscribers(parseFind({ id: "7" }), options), {
    ...{ found: [], asked: 0, unheard: [{ id: "one", events: 13 }], passing: 0 },
  });
  const away = { ...options, fleet: { ...fleet, read: () => Promise.reject(new Error("no Redis")) } };
  await rejects(askSubscribers(parseFind({ id: "7" }), away as never), /no Redis/);
});
