import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { viewOf } from "../../subscriber/metrics/fleet/fleet_view.ts";
import { reportOf } from "../conformance/fleet.ts";
import { wellOverview } from "../scenarios/dashboard/fake_subscriber.ts";
import { liesOf, type Told, type Truth } from "./told.ts";

const { subscribers } = viewOf([{ ...reportOf("two"), heard_ms: 0 }], [1], 0);
const calm: Truth = { stalledMs: 0, refused: [] };
const stalled: Truth = { ...calm, stalledMs: 60_000 };

interface Changes {
  readonly state?: "well" | "letters" | "problems";
  readonly listed?: boolean;
  readonly holding?: number;
  readonly oldest?: number;
  /** Messages in the hands of other subscribers; `null`: unknown. */
  readonly unacknowledged?: number | null;
}

function told(changes: Changes): Told {
  const { state = "problems", listed = true, holding = 1, oldest = 12, unacknowledged = 500 } = changes;
  return {
    who: "one",
    overview: {
      ...wellOverview,
      standing: { ...wellOverview.standing, state },
      subscribers: listed ? subscribers : [],
      queue: { ...wellOverview.queue!, unacknowledged },
    },
    readiness: { ready: true, why_not: [], consumers: 2, subscribers, dependencies: [] },
    metrics: [
      ...["casino_unsettled_deliveries 3", `casino_subscribers{state="holding"} ${holding}`],
      ...['casino_subscribers{state="silent"} 0', `casino_oldest_event_seconds ${oldest}`],
      ...unacknowledged === null ? [] : [`casino_queue_messages{queue="unacknowledged"} ${unacknowledged}`],
    ].join("\n"),
  };
}

Deno.test("liesOf() finds each answer that hides a subscriber with held events", () => {
  deepStrictEqual(liesOf(told({}), calm, ["two"]), []);
  for (const lie of [{ state: "well" }, { listed: false }, { holding: 0 }, { oldest: 0 }] as const) {
    strictEqual(liesOf(told(lie), calm, ["two"]).length, 1, JSON.stringify(lie));
    deepStrictEqual(liesOf(told(lie), calm, []), []);
  }
  match(liesOf({ ...told({}), who: "two" }, calm, ["two"]).join(), /^two holds .* but it is ready$/);
});

Deno.test("liesOf() accepts that a subscriber does not hear a holding one, but not that it reports no problem", () => {
  const unheard = { listed: false, holding: 0, oldest: 0, unacknowledged: null };
  deepStrictEqual(liesOf(told(unheard), calm, ["two"]), []);
  for (const state of ["well", "letters"] as const) {
    match(liesOf(told({ ...unheard, state }), calm, ["two"]).join(), new RegExp(`the page of one says ${state}$`));
  }
});

Deno.test("liesOf() finds subscribers that report well or ready while nothing is stored", () => {
  strictEqual(liesOf(told({ state: "well" }), stalled, []).length, 2);
  strictEqual(liesOf(told({ state: "problems" }), stalled, []).length, 1);
  deepStrictEqual(liesOf(told({ state: "well" }), { ...stalled, stalledMs: 5_000 }, []), []);
});
