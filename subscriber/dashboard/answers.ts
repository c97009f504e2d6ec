/** The answers that the page reads. An integer that is not `Number.isSafeInteger` is a decimal string. */
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
  /** All subscribers, stuck ones first; only this subscriber while Redis does not answer. */
  readonly subscribers: readonly SubscriberAnswer[];
  readonly materialized: Materialized | null;
  /** Events that all subscribers stored in the last full second. */
  readonly events_last_second: number | null;
  /** Events stored in the last minute, by the id of each subscriber that stored any. */
  readonly events_per_minute_by_subscriber: Readonly<Record<string, number>> | null;
  readonly queue: Queue | null;
  readonly catch_up: CatchUp;
  readonly dead_letters: number | null;
  /** Dead letters that nobody has taken. */
  readonly dead_letters_untended: number | null;
  /** This subscriber's dead letters since its start. */
  readonly dead_letters_by_reason: Readonly<Record<string, number>>;
  /** From publish to commit, of this subscriber's events in the last 10 s. */
  readonly latency_ms: { readonly p50: number; readonly p99: number; readonly events: number } | null;
  readonly rates: Rates;
  readonly dependencies: readonly Dependency[];
}

/** When the queue will be empty, at the pace of the last minute. */
export interface CatchUp {
  /**
   * - `none`: the queue is empty
   * - `keeping-up`: the events in the queue are stored within a second
   * - `never`: the queue does not shrink
   */
  readonly state: "none" | "keeping-up" | "catching-up" | "never" | "unknown";
  readonly seconds: number | null;
  /** Events that arrive in the queue. */
  readonly in_per_second: number | null;
  /** Events that are stored. */
  readonly out_per_second: number | null;
}

/** `GET /session`: the user who sent the request. */
export interface SessionAnswer {
  /** `null` when nobody is signed in. */
  readonly name: string | null;
  /** `null` when the user may not even look. */
  readonly role: "look" | "act" | "administer" | null;
  /** Whether the subscriber has tokens to sign in with. */
  readonly has_tokens: boolean;
}

/** The state in the headline. */
export interface StandingAnswer {
  /** `letters`: no problems, but dead letters that nobody has taken. */
  readonly state: "well" | "letters" | "problems";
  /** RFC 3339. */
  readonly since: string;
  /** The state may have begun earlier: this subscriber found it when it first looked. */
  readonly at_least: boolean;
}

/** `GET /materialized`. */
export interface Materialized {
  readonly events_total: number;
  /** Events stored in the last 60 s. */
  readonly events_per_minute: number;
  /** Over the same 60 s. */
  readonly events_per_second_moving_average: number;
  /** The lowest id wins a tie; `null` while there is no player. */
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
  /** Ready messages. */
  readonly messages: number;
  /** Unsettled deliveries of all subscribers; `null` when not all of them report. */
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
  /** Whether this subscriber works without Redis. */
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
  /** RFC 3339, by the clock of Postgres. */
  readonly at: string;
  readonly step_seconds: number;
  /** Oldest first. A step in which nothing was written has no point. */
  readonly points: readonly HistoryPoint[];
}

/** The system's figures in one step; `null` for a figure that no subscriber reported. */
export interface HistoryPoint {
  /** Start of the step, RFC 3339. */
  readonly at: string;
  /** How much of the step is known. */
  readonly seconds: number;
  readonly stored: number;
  /** Events that became dead letters. */
  readonly dead: number;
  readonly duplicates: number;
  /** Events that arrived in the queue. */
  readonly arrived: number | null;
  /** The greatest value found at the end of a minute, as are all below. */
  readonly ready: number | null;
  readonly unacknowledged: number | null;
  readonly oldest_ms: number | null;
  readonly rates_age_ms: number | null;
  /** The fewest subscribers that reported. */
  readonly subscribers: number | null;
  /** From publication to commit, within 19 %; `events`: how many were measured. */
  readonly latency_ms: { readonly p50: number; readonly p99: number; readonly events: number } | null;
}

/** The part of a stored event that the page shows. */
export interface StoredEvent {
  readonly message_id: string;
  /** The publisher's own id, when it differs from the message id. */
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
