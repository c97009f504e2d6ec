/** One subscriber of all, as the page, health and `deno task status` show it. */
export interface SubscriberAnswer {
  readonly id: string;
  readonly version: string;
  /**
   * - `holding`: a batch makes no progress
   * - `silent`: it has told nothing for 10 s; what stands here is the last it told
   * - `connecting`: it takes nothing from the queue at the moment
   */
  readonly state: "working" | "holding" | "silent" | "connecting" | "leaving";
  /** Since when it is in that state, RFC 3339. */
  readonly since: string;
  /** Deliveries that it has not settled. */
  readonly events: number;
  readonly batches: number;
  /** How long ago the oldest of them was published; 0 when there is none. */
  readonly oldest_ms: number;
  /** Why a batch was held, the last time that one was. */
  readonly last_error: string | null;
  readonly last_error_at: string | null;
  /** How long ago it told this. */
  readonly heard_ms: number;
}
