import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { sumOf } from "./readers.ts";
import { drawStatus } from "./screen.ts";
import type { SubscriberAnswer } from "../../subscriber/dashboard/subscriber_answer.ts";
import type { Queues, RatesCache, Status, Totals } from "./status.ts";

const queues: Queues = {
  events: { name: "casino.events", messages: 1_200, consumers: 2 },
  dead_letters: { name: "casino.events.dead", messages: 0, consumers: 2 },
};
const rates: RatesCache = {
  ...{ state: "fresh", as_of: "2024-06-28T14:00:00.000Z", currencies: 31, fresh_ms: 42_100, usable_ms: 52_100 },
  lock: { state: "free", holder: null, ttl_ms: 0 },
};
const totals: Totals = {
  ...{ dead_letters: 1, dead_letters_untended: 1 },
  ...{ events_total: 1_234_567, events_per_minute: 600, events_per_second_moving_average: 10 },
  top_player_bets: { id: 14, count: 579 },
  top_player_wins: null,
  top_player_deposits: { id: 17, count: 281_209_221 },
  history: null,
  subscribers: [{ id: "subscriber-1", events_per_minute: 600 }],
};
const well = { problem: null };
const idle: SubscriberAnswer = {
  ...{ id: "subscriber-2", version: "0.2.0", state: "working", since: "2026-11-24T20:00:00.000Z", events: 0 },
  ...{ batches: 0, oldest_ms: 0, last_error: null, last_error_at: null, heard_ms: 10 },
};
const working: SubscriberAnswer = { ...idle, id: "subscriber-1", since: "2026-11-24T22:59:30.000Z", events: 300 };

function statusWith(changes: Partial<Status> = {}): Status {
  return {
    at: "2026-11-24T23:00:00.000Z",
    queues: { ...queues, ...well },
    lag: { messages: 1_500, ready: 1_200, unacknowledged: 300, seconds: 150, until: null },
    catch_up: { state: "unknown", seconds: null, in_per_second: null, out_per_second: 10 },
    since_last: null,
    subscribers: { subscribers: [working, idle], unacknowledged: 300, unheard: 0, ...well },
    rates: { ...rates, ...well },
    totals: { ...totals, ...well },
    ...changes,
  };
}

function lines(changes: Partial<Status> = {}, width?: number): string[] {
  return drawStatus(statusWith(changes), { colours: false, width }).split("\n");
}

/** Returns the text behind a label. */
function shown(label: string, changes: Partial<Status> = {}): string | undefined {
  return lines(changes).find((line) => line.startsWith(label))?.slice(14);
}

Deno.test("drawStatus() shows queues, lag, rates, lock and totals, a line each", () => {
  deepStrictEqual(lines(), [
    "At            2026-11-24 23:00:00 UTC",
    "Events        1,200 events in casino.events, 2 subscribers",
    "Dead letters  1 letter; see `deno task dead groups`",
    "Lag           1,500 events; 1,200 ready, 300 in hand; 3 min at the rate of the last minute",
    "Subscriber    subscriber-1  working for 30.0 s, 300 events in hand; version 0.2.0",
    "Subscriber    subscriber-2  working for 3 h, 0 events in hand; version 0.2.0",
    "Rates         fresh for 42.1 s more; 31 currencies as of 2024-06-28T14:00:00.000Z",
    "Lock          free",
    "Totals        1,234,567 events stored; 600 in the last minute, 10.0/s",
    "Top players   most bets #14 with 579; no wins yet; most deposits #17 with 2812092.21 EUR",
    "  stored by   subscriber-1  600 in the last minute",
  ]);
});

Deno.test("drawStatus() shows a shard without a subscriber, or with most of the events", () => {
  const shard = (n: number, messages: number | null, consumers: number | null) => ({
    name: `q.${n}`,
    messages,
    consumers,
  });
  const rows = (...shards: ReturnType<typeof shard>[]) =>
    lines({ queues: { ...queues, events: sumOf(shards), ...well } }).slice(1, -9);
  deepStrictEqual(rows(shard(0, 500, 2), shard(1, 600, 2), shard(2, 500, 2)), [
    "Events        1,600 events in q.0 and 2 more, 2 subscribers",
  ]);
  deepStrictEqual(rows(shard(0, 500, 2), shard(1, 7, 0), shard(2, null, null)), [
    "Events        507 events in q.0 and 2 more, 2 subscribers",
    "  shard       500 events in q.0, 2 subscribers",
    "  shard       7 events in q.1, no subscriber",
    "  shard       the queue q.2 does not exist yet, no subscriber",
  ]);
});

Deno.test("drawStatus() names a server that does not answer in place of its figures", () => {
  const problem = "Redis does not answer at 127.0.0.1:1 (ECONNREFUSED).\nReally\x1b[2J";
  strictEqual(
    shown("Rates", { rates: { problem } }),
    "Redis does not answer at 127.0.0.1:1 (ECONNREFUSED). Really\\u001b[2J",
  );
  strictEqual(shown("Lock", { rates: { problem } }), undefined);
  strictEqual(shown("Queues", { queues: { problem: "away" } }), "away");
  strictEqual(shown("Totals", { totals: { problem: "away" } }), "away");
});

Deno.test("drawStatus() reports a queue without consumers, and a missing queue", () => {
  const events = (messages: number | null, consumers: number | null) => ({
    queues: { ...queues, ...well, events: { name: "q", messages, consumers } },
  });
  strictEqual(shown("Events", events(5, 0)), "5 events in q, no subscriber is consuming");
  match(shown("Events", events(null, null)) ?? "", /^the queue q does not exist yet: /);
});

Deno.test("drawStatus() shows the number of dead letters in the table, and in their queue", () => {
  const letters = (kept: number | undefined, messages: number, consumers: number, untended = kept) =>
    shown("Dead letters", {
      queues: { ...queues, ...well, dead_letters: { name: "q", messages, consumers } },
      totals: kept === undefined
        ? { problem: "away" }
        : { ...totals, ...well, dead_letters: kept, dead_letters_untended: untended! },
    });
  strictEqual(letters(0, 0, 1), "0 letters");
  strictEqual(letters(0, 7, 1), "0 letters; 7 letters in q, on the way to the table");
  strictEqual(
    letters(2, 1, 0),
    "2 letters; see `deno task dead groups`; 1 letter in q, no keeper moves them to the table: start one",
  );
  strictEqual(letters(2, 0, 1, 0), "2 letters, all taken");
  strictEqual(letters(undefined, 1, 2), "1 letter in q, on the way to the table");
  strictEqual(letters(undefined, 0, 2), "none in the queue");
});

Deno.test("drawStatus() shows the lag as a duration if the rate is known, else what ends it", () => {
  const lag = (
    ready: number | null,
    unacknowledged: number | null,
    seconds: number | null,
    until: string | null = null,
  ) =>
    shown("Lag", {
      lag: { messages: ready === null ? null : ready + (unacknowledged ?? 0), ready, unacknowledged, seconds, until },
    });
  strictEqual(lag(0, 0, 0), "none");
  strictEqual(lag(null, 0, null), "unknown");
  strictEqual(lag(0, null, 0), "none ready, number in hand unknown");
  strictEqual(lag(1, 0, 0.25), "1 event; 250 ms at the rate of the last minute");
  strictEqual(lag(7, 0, null), "7 events; no event was stored in the last minute");
  strictEqual(lag(12, 0, null, "a subscriber runs"), "12 events; until a subscriber runs");
  strictEqual(lag(0, 5, null, "subscriber a resumes"), "5 events; 0 ready, 5 in hand; until subscriber a resumes");
});

Deno.test("drawStatus() shows when the queue will be empty, or never, if time alone empties it", () => {
  const pace = { in_per_second: 1_600, out_per_second: 500 };
  const never = { state: "never", seconds: null, ...pace } as const;
  strictEqual(shown("Catch-up", { catch_up: never }), "never: 1,600/s arrive, 500/s are stored");
  strictEqual(
    shown("Catch-up", { catch_up: { state: "catching-up", seconds: 300, ...pace, in_per_second: 300 } }),
    "in 5 min: 300/s arrive, 500/s are stored",
  );
  match(shown("Catch-up", { catch_up: { state: "keeping-up", seconds: 1, ...pace } }) ?? "", /^keeps up/);
  strictEqual(shown("Catch-up"), undefined);
  const until = { messages: 5, ready: 5, unacknowledged: 0, seconds: null, until: "a subscriber runs" };
  strictEqual(shown("Catch-up", { catch_up: never, lag: until }), undefined);
});

Deno.test("drawStatus() shows the rates between two looks, and 24 hours in any width", () => {
  const since_last = { seconds: 2, stored_per_second: 512.5, queue_per_second: -70 };
  strictEqual(shown("Rate ", { since_last }), "512.5/s stored, queue shrinks by 70/s, over 2 s");
  strictEqual(shown("Rate "), undefined);
  const stored_per_second = Array.from({ length: 96 }, (_, n) => n < 10 ? null : n);
  const history = { step_seconds: 900, stored_per_second, ready: stored_per_second.map(() => 0) };
  const changes = { totals: { ...totals, ...well, history: { ...history, queue_growth_per_second: null } } };
  match(shown("24 h stored", changes) ?? "", /^ {10}[▁▂▃▄▅▆▇█]{86} peak 95\/s$/);
  for (const width of [200, 80, 60, 40, 34]) {
    const row = lines(changes, width).find((line) => line.startsWith("24 h stored"))!;
    strictEqual(row.length, Math.min(width, 14 + 96 + 10));
    match(row, / peak 95\/s$/);
  }
  strictEqual(lines(changes, 28).find((line) => line.startsWith("24 h queue")), "24 h queue    peak 0 waiting");
});

Deno.test("drawStatus() lists a subscriber that holds events, a silent one, and consumers without reports", () => {
  const since = "2026-11-24T22:59:48.000Z";
  const held = { ...idle, id: "a", state: "holding", since, events: 500, last_error: "no such\x1bpassword" } as const;
  const gone = { last_error: "too many connections", last_error_at: "2026-11-24T22:58:00.000Z" };
  const silent = { ...idle, id: "b", state: "silent", since, events: 1, ...gone } as const;
  const told = (fleet: Status["subscribers"]) =>
    lines({ subscribers: fleet }).filter((line) => /^(Subscriber| {14})/.test(line)).map((line) => line.slice(14));
  deepStrictEqual(told({ subscribers: [held, silent], unacknowledged: null, unheard: 2, ...well }), [
    "a  500 events held for 12.0 s: no such\\u001bpassword; version 0.2.0",
    "b  1 event held, no report for 12.0 s; last error 22:58:00 UTC: too many connections; version 0.2.0",
    "2 consumers without reports: their events in hand are unknown",
  ]);
  const many = { subscribers: Array(23).fill(idle), unacknowledged: 0, unheard: 0, ...well };
  deepStrictEqual([told(many).length, told(many).at(-1)], [21, "and 3 more subscribers"]);
  deepStrictEqual(told({ problem: "Redis is away" }), ["Redis is away"]);
});

Deno.test("drawStatus() shows stale rates, missing rates, and the lock's holder", () => {
  const stale = { ...rates, ...well, state: "stale", fresh_ms: 0, usable_ms: 9_000 } as const;
  match(shown("Rates", { rates: stale }) ?? "", /^stale, expire in 9\.0 s; 31 currencies/);
  const none = { ...stale, state: "none", as_of: null } as const;
  match(shown("Rates", { rates: none }) ?? "", /^none; /);
  const lock = (state: "held" | "paused", holder: string | null) =>
    shown("Lock", { rates: { ...rates, ...well, lock: { state, holder, ttl_ms: 1_500 } } });
  strictEqual(lock("held", "subscriber-2"), "held by subscriber-2 to fetch rates, for 1.5 s more at most");
  strictEqual(lock("paused", null), "paused after a failed call, for 1.5 s more");
});

Deno.test("drawStatus() cuts its lines at the terminal's width, without counting colours", () => {
  const bare = lines({}, 40);
  strictEqual(Math.max(...bare.map((line) => line.length)), 40);
  const painted = drawStatus(statusWith(), { colours: true, width: 40 });
  // deno-lint-ignore no-control-regex
  deepStrictEqual(painted.replace(/\x1b\[\d+m/g, "").split("\n"), bare);
  strictEqual(painted.includes("\x1b[33m"), true, "a dead letter deserves a look");
});
