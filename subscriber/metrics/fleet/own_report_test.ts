import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import type { HeldBatch } from "../../pipeline/middleware/held_batches.ts";
import type { HeldMessages } from "../../../shared/rabbitmq/consume/held_messages.ts";
import type { SubscriberReport } from "./fleet.ts";
import { isStuck, viewOf } from "./fleet_view.ts";
import { MemoryFleet } from "./memory_fleet.ts";
import { keepTelling, OwnReport, type OwnState } from "./own_report.ts";

function ownReport() {
  const clock = new VirtualClock();
  const leaving = new AbortController();
  const now: {
    held?: HeldBatch;
    problem?: string;
    consuming: boolean;
    events: number;
    oldest?: number;
    since?: number;
    messages?: HeldMessages;
  } = { consuming: true, events: 500 };
  const state: OwnState = {
    ...{ subscriberId: "one", clock, leaving: leaving.signal },
    gate: {
      get problem() {
        return now.problem;
      },
    },
    heldBatches: {
      get oldest() {
        return now.held;
      },
    },
    consuming: () => now.consuming,
    unsettled: () => now.events,
    batchesInFlight: () => 2,
    oldestPublishedAtMs: () => now.oldest,
    inHandSince: () => now.since,
    heldMessages: () => now.messages,
  };
  return { clock, leaving, now, own: new OwnReport(state) };
}

Deno.test("OwnReport has state, start and last error without secrets, also after recovery", async () => {
  const { clock, leaving, now, own } = ownReport();
  own.read();
  await clock.advance(5_000);
  now.oldest = clock.now() - 7_000;
  const { version: _, ...working } = own.read();
  deepStrictEqual(working, {
    ...{ id: "one", state: "working", state_ms: 5_000, consuming: true, events: 500, batches: 2, oldest_ms: 7_000 },
    ...{ held_ms: 0, last_error: null, last_error_ms: null },
  });
  now.since = clock.monotonic() - 1_500;
  strictEqual(own.read().held_ms, 1_500);
  now.held = { events: 300, since: 4_000, problem: "no postgres://me:secret@host/" + "x".repeat(1_000) };
  const { state, state_ms, last_error } = own.read();
  deepStrictEqual([state, state_ms, last_error?.slice(0, 26), last_error?.length], [
    ...["holding", 1_000, "no postgres://me:***@host/", 501],
  ]);
  await clock.advance(1_000);
  delete now.held;
  const over = own.read();
  deepStrictEqual([over.state, over.state_ms, over.last_error, over.last_error_ms], ["working", 0, last_error, 1_000]);
  now.problem = "the gate is closed";
  strictEqual(own.read().state, "holding");
  delete now.problem;
  now.consuming = false;
  strictEqual(own.read().state, "connecting");
  leaving.abort();
  deepStrictEqual([own.read().state, own.read().consuming], ["leaving", false]);
});

Deno.test("OwnReport shows messages that the consumer can only hold: number, start, cause and cure", async () => {
  const { clock, now, own } = ownReport();
  await clock.advance(5_000);
  const published = { oldestPublishedAtMs: clock.now() - 9_000 };
  now.messages = { messages: 2, since: clock.monotonic() - 3_000, takesMore: true, ...published };
  const { state, state_ms, oldest_ms, held_ms, last_error } = own.read();
  deepStrictEqual([state, state_ms, oldest_ms, held_ms, own.takesMore], ["holding", 3_000, 9_000, 3_000, true]);
  match(
    last_error!,
    /^2 messages that can only be rejected.*: check that .*x-dead-letter-exchange.*TOPOLOGY=provisioned$/,
  );
  now.messages = { ...now.messages, messages: 500, takesMore: false };
  deepStrictEqual([own.takesMore, own.read().last_error?.slice(0, 12)], [false, "500 messages"]);
  now.messages = { ...now.messages, takesMore: true };
  now.problem = "the gate is closed";
  deepStrictEqual(
    [own.takesMore, own.read().last_error],
    [false, "the gate is closed"],
    "an outage is the worse of both",
  );
  const { subscribers } = viewOf([], [1], clock.now(), own.read());
  strictEqual(isStuck(subscribers[0]!), true, "the page and the other subscribers tell of it");
});

Deno.test("keepTelling() reports each second until it ends, then removes the subscriber", async () => {
  const { clock, now, own } = ownReport();
  const fleet = new MemoryFleet(clock);
  const leave = keepTelling(fleet, own, clock, () => "");
  await clock.advance(10);
  strictEqual((await fleet.read())[0]?.state, "working");
  now.consuming = false;
  await clock.advance(1_000);
  strictEqual((await fleet.read())[0]?.state, "connecting");
  const left = leave();
  await clock.advance(0);
  await left;
  deepStrictEqual(await fleet.read(), []);
});

Deno.test("keepTelling() reports every other second while the subscriber is idle", async () => {
  const { clock, now, own } = ownReport();
  const fleet = new MemoryFleet(clock);
  const told: (string | number)[] = [];
  let isAway = false;
  const counted = {
    ...{ answer: fleet.answer.bind(fleet), leave: fleet.leave.bind(fleet) },
    tell: (report: SubscriberReport) => {
      told.push(clock.monotonic(), report.state);
      return isAway ? Promise.reject(new Error("Redis is away")) : fleet.tell(report);
    },
  };
  now.events = 0;
  const leave = keepTelling(counted, own, clock, () => "");
  await clock.advance(4_500);
  now.consuming = false;
  await clock.advance(3_000);
  now.consuming = true;
  now.events = 1;
  await clock.advance(2_000);
  now.events = 0;
  await clock.advance(4_000);
  const idle = [0, "working", 2_000, "working", 4_000, "working"];
  const busy = [6_000, "connecting", 7_000, "connecting", 8_000, "working", 9_000, "working"];
  deepStrictEqual(told, [...idle, ...busy, 10_000, "working", 12_000, "working"]);
  isAway = true;
  await clock.advance(2_000);
  deepStrictEqual(told.slice(-4), [14_000, "working", 15_000, "working"], "a second attempt follows soon");
  const left = leave();
  await clock.advance(0);
  await left;
});

Deno.test("keepTelling() answers each question once, within a second", async () => {
  const { clock, own } = ownReport();
  const fleet = new MemoryFleet(clock);
  const asked: string[] = [];
  const leave = keepTelling(fleet, own, clock, (question) => `${asked.push(question)}. ${question}`);
  await clock.advance(10);
  await fleet.ask({ id: "a", text: "where?" });
  await fleet.ask({ id: "b", text: "and this?" });
  await clock.advance(1_000);
  deepStrictEqual([await fleet.answers("a", ["one"]), await fleet.answers("b", ["one", "two"])], [
    ["1. where?"],
    ["2. and this?", undefined],
  ]);
  await clock.advance(5_000);
  deepStrictEqual(asked, ["where?", "and this?"]);
  const left = leave();
  await clock.advance(0);
  await left;
});
