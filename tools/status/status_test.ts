import { deepStrictEqual } from "node:assert/strict";
import type { HeardReport } from "../../subscriber/metrics/fleet/fleet.ts";
import { reportOf } from "../../tests/conformance/fleet.ts";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { type Lag, type Readers, readStatus } from "./status.ts";

interface Given {
  readonly ready?: number;
  readonly consumers?: number;
  readonly pace?: number;
  /** `undefined`: Redis does not answer. */
  readonly reports: readonly HeardReport[] | undefined;
}

/** Returns only the lag of the status. */
async function lagOf({ ready = 0, consumers = 1, pace = 10, reports }: Given): Promise<Lag> {
  const reader = <T>(read: () => T) => ({ read: () => Promise.try(read), close: () => Promise.resolve() });
  const queue = { name: "q", messages: ready, consumers };
  const readers: Readers = {
    queues: reader(() => ({ events: queue, dead_letters: queue })),
    rates: reader(() => {
      throw new Error("not asked here");
    }),
    totals: reader(() => ({
      dead_letters: 0,
      dead_letters_untended: 0,
      history: null,
      ...{ events_total: 1, events_per_minute: 600, events_per_second_moving_average: pace, subscribers: [] },
      ...{ top_player_bets: null, top_player_wins: null, top_player_deposits: null },
    })),
    reports: reader(() => {
      if (!reports) throw new Error("Redis is away");
      return { reports };
    }),
  };
  return (await readStatus(readers, new VirtualClock())).lag;
}

const works = (events: number): HeardReport => ({ ...reportOf("good", { state: "working", events }), heard_ms: 100 });
const holds = (events: number): HeardReport => ({ ...reportOf("stuck", { events }), heard_ms: 100 });

Deno.test("the lag counts events in hand, at the rate of the last minute", async () => {
  deepStrictEqual(await lagOf({ ready: 200, reports: [works(100)] }), {
    ...{ messages: 300, ready: 200, unacknowledged: 100, seconds: 30, until: null },
  });
  deepStrictEqual((await lagOf({ ready: 200, pace: 0, reports: [works(0)] })).seconds, null);
  deepStrictEqual(await lagOf({ reports: [works(0)] }), {
    ...{ messages: 0, ready: 0, unacknowledged: 0, seconds: 0, until: null },
  });
});

Deno.test("the lag says what ends it when time alone does not", async () => {
  const end = async (given: Given) => {
    const { messages, seconds, until } = await lagOf(given);
    return [messages, seconds, until];
  };
  deepStrictEqual(await end({ ready: 12, consumers: 0, reports: [] }), [12, null, "a subscriber runs"]);
  deepStrictEqual(await end({ consumers: 2, reports: [works(0), holds(500)] }), [
    500,
    null,
    "subscriber stuck resumes",
  ]);
  const lost = { ...holds(0), consuming: false };
  deepStrictEqual(await end({ ready: 500, reports: [works(0), lost] }), [500, 50, null], "others take them");
  deepStrictEqual(await end({ ready: 500, consumers: 0, reports: [lost] }), [500, null, "subscriber stuck resumes"]);
});

Deno.test("the lag has no number in hand while Redis is away, or a consumer sends no reports", async () => {
  deepStrictEqual((await lagOf({ ready: 5, reports: undefined })).unacknowledged, null);
  deepStrictEqual((await lagOf({ ready: 5, consumers: 2, reports: [works(7)] })).unacknowledged, null);
});
