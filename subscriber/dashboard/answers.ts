/** The answers that the page reads. Integers beyond the safe ones are decimal strings. */
import type { SubscriberAnswer } from "./subscriber_answer.ts";

export interface Overview {
  /** RFC 3339. */
  readonly at: string;
  readonly version: string;
  readonly subscriber_id: string;
  readonly uptime_ms: number;
  readonly mode: "servers" | "embedded";
  readonly standing: StandingAnswer;
  /** Sentences, the worst first. */
  readonly problems: readonly string[];
  /** All of them, the stuck one first; this one alone while Redis does not tell of the others. */
  readonly subscribers: readonly SubscriberAnswer[];
  readonly materialized: Materialized | null;
  /** Of all subscribers, in the last full second. */
  readonly events_last_second: number | null;
  /** Stored in the last minute, by the id of each subscriber that stored any. */
  readonly events_per_minute_by_subscriber: Readonly<Record<string, number>> | null;
  readonly queue: Queue | null;
  readonly catch_up: CatchUp;
  readonly dead_letters: number | null;
  /** Those among them that nobody has taken. */
  readonly dead_letters_untended: number | null;
  /** This subscriber's, since its start. */
  readonly dead_letters_by_reason: Readonly<Record<string, number>>;
  /** From publish to commit, this subscriber's, in the last 10 s. */
  readonly latency_ms: { readonly p50: number; readonly p99: number; readonly events: number } | null;
  readonly rates: Rates;
  readonly dependencies: readonly Dependency[];
}

/** When the queue will be empty, at the pace of the last minute. */
export interface CatchUp {
  /**
   * - `none`: it is
   * - `keeping-up`: what it holds is stored within a second
   * - `never`: it does not shrink
   */
  readonly state: "none" | "keeping-up" | "catching-up" | "never" | "unknown";
  readonly seconds: number | null;
  /** Events that come into the queue. */
  readonly in_per_second: number | null;
  /** Events that are stored. */
  readonly out_per_second: number | null;
}

/** `GET /session`: who asks. */
export interface SessionAnswer {
  /** `null`: nobody is signed in. */
  readonly name: string | null;
  /** `null`: not even to look. */
  readonly role: "look" | "act" | "administer" | null;
  /** Whether there is anything to sign in with. */
  readonly has_tokens: boolean;
}

/** What the headline says. */
export interface StandingAnswer {
  /** `letters`: nothing is wrong, but dead letters wait to be looked at. */
  readonly state: "well" | "letters" | "problems";
  /** RFC 3339. */
  readonly since: string;
  /** It was so already when this subscriber first looked. */
  readonly at_least: boolean;
}

/** `GET /materialized`. */
export interface Materialized {
  readonly events_total: number;
  /** Stored in the last 60 s. */
  readonly events_per_minute: number;
  /** Over the same 60 s. */
  readonly events_per_second_moving_average: number;
  /** Of equals the lowest id; `null` where there is no player yet. */
  readonly top_player_bets: TopPlayer | null;
  readonly top_player_wins: TopPlayer | null;
  /** In EUR cents. */
  readonly top_player_deposits: TopPlayer | null;
}

export interface TopPlayer {
  readonly id: number | string;
  readonly count: number | string;
}

export interface Queue {
  /** Ready to be taken. */
  readonly messages: number;
  /** Taken and not settled, by all subscribers; `null` when not all of them can be heard. */
  readonly unacknowledged: number | null;
  readonly consumers: number;
  /** Deliveries that this subscriber holds. */
  readonly in_hand: number;
  /** How long ago the oldest event that any subscriber holds was published; 0 when there is none. */
  readonly oldest_ms: number | null;
}

export interface Rates {
  readonly state: "fresh" | "stale" | "none" | "unknown";
  readonly as_of: string | null;
  readonly age_ms: number | null;
  readonly fresh_ms: number | null;
  readonly lock: {
    readonly state: "free" | "held" | "paused" | "unknown";
    readonly holder: string | null;
    readonly ttl_ms: number | null;
  };
  /** How much of each currency 1 EUR buys. */
  readonly per_eur: Readonly<Record<string, string>>;
  /** Whether this subscriber does without Redis. */
  readonly alone: boolean;
  /** Calls to the rates API by this subscriber. */
  readonly calls: number;
  readonly problem: string | null;
}

export interface Dependency {
  readonly name: string;
  readonly ok: boolean;
  readonly problem: string | null;
}

/** `GET /history`: the same from every subscriber. */
export interface HistoryAnswer {
  /** RFC 3339, by Postgres. */
  readonly at: string;
  readonly step_seconds: number;
  /** Oldest first; of a time in which nothing was written there is none. */
  readonly points: readonly HistoryPoint[];
}

/** What the system did in a time; `null` where nobody told. */
export interface HistoryPoint {
  /** When it began, RFC 3339. */
  readonly at: string;
  /** How much of that time is known. */
  readonly seconds: number;
  readonly stored: number;
  /** Events that became dead letters. */
  readonly dead: number;
  readonly duplicates: number;
  /** Events that came into the queue. */
  readonly arrived: number | null;
  /** The most that were found at the end of a minute, as all below. */
  readonly ready: number | null;
  readonly unacknowledged: number | null;
  readonly oldest_ms: number | null;
  readonly rates_age_ms: number | null;
  /** The fewest that told something of themselves. */
  readonly subscribers: number | null;
}

/** The part of a stored event that the page shows. */
export interface StoredEvent {
  readonly message_id: string;
  /** The publisher's own id, where it is another text. */
  readonly sent_id?: string;
  readonly type: string;
  readonly created_at: string;
  readonly player_id: number | string;
  readonly description: string;
}

/** How many events were sent since the last push, and how many were left out. */
export interface Sampled {
  readonly shown: number;
  readonly skipped: number;
}
