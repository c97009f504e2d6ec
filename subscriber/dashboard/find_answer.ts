/** The answer to "where is this event?": of `GET /find`, of `deno task find --json`, and of what the page shows. */

export interface FindAnswer {
  /** Newest first. */
  readonly events: readonly FoundEvent[];
  /** Whether more match than are shown. */
  readonly more: boolean;
  /** What the answer means, in one or two sentences. */
  readonly verdict: string;
  readonly looked: readonly Look[];
}

export interface FoundEvent {
  readonly message_id: string;
  /** As its publisher sent it, where that is another text. */
  readonly sent_id: string | null;
  /** Where it is now. */
  readonly state: "stored" | "held" | "dead" | "replayed" | "dropped" | "resolved";
  /** `null` where its body holds none, or is not to be had. */
  readonly event: Readonly<Record<string, unknown>> | null;
  /** What happened to it, in the order of time; those without one behind the one that they belong to. */
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
  /** RFC 3339, by the clock of whoever did it; `null` where nobody kept it. */
  readonly at: string | null;
  /** Who did it. */
  readonly by: string | null;
  readonly detail: string;
}

/** One place that was looked at. */
export interface Look {
  readonly place: "dead_letters" | "subscribers" | "events" | "queues";
  readonly outcome: string;
  /** Whether it would have been found there. */
  readonly complete: boolean;
}
