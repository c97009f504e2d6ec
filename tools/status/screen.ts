/** Prints the status as one screen for humans. */
import { styleText } from "node:util";
import { formatMajor } from "../../shared/event/money.ts";
import { printable } from "../../shared/runtime/printable.ts";
import type { TopPlayer } from "../../subscriber/dashboard/answers.ts";
import type { SubscriberAnswer } from "../../subscriber/dashboard/subscriber_answer.ts";
import { type FleetView, isStuck } from "../../subscriber/metrics/fleet/fleet_view.ts";
import { catchUpRows, historyRows, lagRow, sinceRows } from "./pace_rows.ts";
import { duration, grouped, plural, problemRow, type Row, styles, type Tone } from "./rows.ts";
import type { Part, Queues, QueueState, RatesCache, Status, Totals } from "./status.ts";

export interface ScreenOptions {
  readonly colours: boolean;
  /** Longer lines are cut; `undefined`: no limit. */
  readonly width?: number | undefined;
}

const labelWidth = 14;

export function drawStatus(status: Status, { colours, width = Infinity }: ScreenOptions): string {
  const rows: Row[] = [
    { label: "At", text: `${status.at.slice(0, 19).replace("T", " ")} UTC`, tone: "faint" },
    ...queueRows(status.queues),
    ...letterRows(status),
    lagRow(status.lag),
    ...catchUpRows(status.catch_up, status.lag),
    ...sinceRows(status.since_last),
    ...subscriberRows(status.subscribers, status.at),
    ...ratesRows(status.rates),
    ...totalsRows(status.totals),
    ...historyRows(status.totals, width - labelWidth),
  ];
  // Without a stream: styleText() would read environment variables to inspect one, which this task has no permission
  // for.
  const paint = (text: string, tone: Tone) =>
    colours && tone !== "plain" ? styleText(styles[tone], text, { validateStream: false }) : text;
  return rows.map(({ label, text: told, tone }) => {
    // Server messages and a lock holder's name may contain control characters.
    const text = printable(told);
    const room = Math.max(0, width - labelWidth);
    const shown = text.length > room ? `${text.slice(0, Math.max(0, room - 1))}…` : text;
    return `${paint(label.padEnd(labelWidth), "faint")}${paint(shown, tone)}`;
  }).join("\n");
}

function queueRows(queues: Part<Queues>): Row[] {
  if (queues.problem !== null) return [problemRow("Queues", queues.problem)];
  const { events } = queues;
  const idle = events.consumers === 0;
  const rows: Row[] = [
    {
      label: "Events",
      text: `${describe(events, "event")}${events.shards ? ` and ${events.shards.length - 1} more` : ""}, ${
        idle ? "no subscriber is consuming" : plural(events.consumers ?? 0, "subscriber")
      }`,
      tone: idle ? "attention" : "plain",
    },
    ...shardRows(events.shards),
  ];
  if (events.messages !== null) return rows;
  const text = `the queue ${events.name} does not exist yet: the first subscriber or publisher declares it`;
  return [{ label: "Events", text, tone: "attention" }, ...rows.slice(1)];
}

/** Shows the shards while one of them has no consumer, or is longer than the others together. */
function shardRows(shards: readonly QueueState[] = []): Row[] {
  const sum = shards.reduce((sum, { messages }) => sum + (messages ?? 0), 0);
  const isStuck = ({ messages, consumers }: QueueState) => !consumers || (messages ?? 0) * 2 > sum;
  return shards.filter(isStuck).map((shard): Row => ({
    label: "  shard",
    text: `${describe(shard, "event")}, ${shard.consumers ? plural(shard.consumers, "subscriber") : "no subscriber"}`,
    tone: shard.consumers ? "plain" : "attention",
  }));
}

/** Counts the letters in the table, and those in the queue that no keeper has moved yet. */
function letterRows({ queues, totals }: Pick<Status, "queues" | "totals">): Row[] {
  const kept = totals.problem === null ? totals.dead_letters : undefined;
  const untended = totals.problem === null ? totals.dead_letters_untended : 0;
  const queue = queues.problem === null ? queues.dead_letters : undefined;
  if (kept === undefined && queue === undefined) return [];
  const waiting = queue?.messages
    ? `${kept === undefined ? "" : "; "}${plural(queue.messages, "letter")} in ${queue.name}, ${
      queue.consumers ? "on the way to the table" : "no keeper moves them to the table: start one"
    }`
    : "";
  const hint = kept && !untended ? ", all taken" : kept ? "; see `deno task dead groups`" : "";
  const text = (kept === undefined ? "" : `${plural(kept, "letter")}${hint}`) + waiting;
  return [{
    label: "Dead letters",
    text: text || "none in the queue",
    tone: untended || waiting ? "attention" : "plain",
  }];
}

function describe({ name, messages }: QueueState, noun: string): string {
  return messages === null ? `the queue ${name} does not exist yet` : `${plural(messages, noun)} in ${name}`;
}

const mostSubscribers = 20;

/** Lists stuck subscribers first. */
function subscriberRows(fleet: Part<FleetView>, at: string): Row[] {
  if (fleet.problem !== null) return [problemRow("Subscribers", fleet.problem)];
  const { subscribers, unheard } = fleet;
  const shown = subscribers.slice(0, mostSubscribers).map((subscriber): Row => ({
    label: "Subscriber",
    text: `${subscriber.id}  ${describeSubscriber(subscriber, Date.parse(at))}${lastErrorOf(subscriber)}; version ` +
      subscriber.version,
    tone: isStuck(subscriber) ? "bad" : subscriber.state === "working" ? "plain" : "attention",
  }));
  const more = subscribers.length - shown.length;
  return [
    ...shown,
    ...more > 0 ? [{ label: "", text: `and ${plural(more, "more subscriber")}`, tone: "faint" as const }] : [],
    ...unheard ? [{ label: "", text: describeUnheard(unheard), tone: "attention" as const }] : [],
  ];
}

function describeSubscriber({ state, since, events, last_error }: SubscriberAnswer, nowMs: number): string {
  const time = duration(Math.max(0, nowMs - Date.parse(since)));
  if (state === "holding") {
    return `${events === 0 ? "1 batch" : plural(events, "event")} held for ${time}: ${last_error}`;
  }
  if (state === "silent") return `${plural(events, "event")} held, no report for ${time}`;
  return `${state} for ${time}, ${plural(events, "event")} in hand`;
}

/** Empty for a subscriber that holds a batch: its error is already in the line. */
function lastErrorOf({ state, last_error, last_error_at }: SubscriberAnswer): string {
  if (last_error === null || state === "holding") return "";
  return `; last error ${last_error_at?.slice(11, 19)} UTC: ${last_error}`;
}

function describeUnheard(consumers: number): string {
  return `${plural(consumers, "consumer")} without reports: ${
    consumers === 1 ? "its" : "their"
  } events in hand are unknown`;
}

function ratesRows(cache: Part<RatesCache>): Row[] {
  if (cache.problem !== null) return [problemRow("Rates", cache.problem)];
  const { state, as_of, currencies, fresh_ms, usable_ms, lock } = cache;
  const whose = `${plural(currencies, "currency", "currencies")} as of ${as_of}`;
  const holder = lock.holder === null ? "" : ` by ${lock.holder}`;
  const until = `for ${duration(lock.ttl_ms)} more`;
  return [
    {
      fresh: { label: "Rates", text: `fresh for ${duration(fresh_ms ?? 0)} more; ${whose}`, tone: "good" as const },
      stale: { label: "Rates", text: `stale, expire in ${duration(usable_ms ?? 0)}; ${whose}`, tone: "bad" as const },
      none: { label: "Rates", text: "none; fetched for the next event that needs them", tone: "plain" as const },
    }[state],
    {
      free: { label: "Lock", text: "free", tone: "plain" as const },
      held: { label: "Lock", text: `held${holder} to fetch rates, ${until} at most`, tone: "attention" as const },
      paused: { label: "Lock", text: `paused after a failed call, ${until}`, tone: "attention" as const },
    }[lock.state],
  ];
}

function totalsRows(totals: Part<Totals>): Row[] {
  if (totals.problem !== null) return [problemRow("Totals", totals.problem)];
  const { events_total, events_per_minute, events_per_second_moving_average: pace, subscribers } = totals;
  const last = `${grouped(events_per_minute)} in the last minute, ${pace.toFixed(1)}/s`;
  return [
    { label: "Totals", text: `${plural(events_total, "event")} stored; ${last}`, tone: "plain" },
    { label: "Top players", text: leaders(totals), tone: "plain" },
    ...subscribers.map(({ id, events_per_minute }): Row => ({
      label: "  stored by",
      text: `${id}  ${grouped(events_per_minute)} in the last minute`,
      tone: "faint",
    })),
  ];
}

function leaders({ top_player_bets, top_player_wins, top_player_deposits }: Totals): string {
  const cents = top_player_deposits && formatMajor(BigInt(top_player_deposits.count), 2);
  return [
    leader("bets", top_player_bets, top_player_bets?.count),
    leader("wins", top_player_wins, top_player_wins?.count),
    leader("deposits", top_player_deposits, `${cents} EUR`),
  ].join("; ");
}

function leader(what: string, top: TopPlayer | null, count: unknown): string {
  return top ? `most ${what} #${top.id} with ${count}` : `no ${what} yet`;
}
