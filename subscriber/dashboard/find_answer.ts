/** The answer to "where is this event?", from `GET /find` and `deno task find --json`, and on the page. */

export interface FindAnswer {
  /** Newest first. */
  readonly events: readonly FoundEvent[];
  /** Whether more events match than the answer holds. */
  readonly more: boolean;
  /** The conclusion, in one or two sentences. */
  readonly verdict: string;
  readonly looked: readonly Look[];
}

export interface FoundEvent {
  readonly message_id: string;
  /** The id as the publisher sent it, when it differs from the message id. */
  readonly sent_id: string | null;
  /** Where the event is now. */
  readonly state: "stored" | "held" | "dead" | "replayed" | "dropped" | "resolved";
  /** `null` when the body holds no event, or is not available. */
  readonly event: Readonly<Record<string, unknown>> | null;
  /** The history of the event, by time. A station without a time follows its predecessor. */
  readonly stations: readonly Station[];
}

export interface Station {
  readonly station:
    | "published"
    | "dead"
    | "edited"
    | "replayed"
    | "dropped"
    | "resolved"
    | "held"
    | "stored"
    | "reported";
  /** RFC 3339, by the clock of the process that acted; `null` when nobody recorded it. */
  readonly at: string | null;
  /** The process or user that acted. */
  readonly by: string | null;
  readonly detail: string;
}

/** One place that was searched. */
export interface Look {
  readonly place: "dead_letters" | "subscribers" | "events" | "queues";
  readonly outcome: string;
  /** Whether the search would have found the event there. */
  readonly complete: boolean;
}
