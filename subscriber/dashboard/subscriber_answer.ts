/** One subscriber, as the page, health and `deno task status` show it. */
export interface SubscriberAnswer {
  readonly id: string;
  readonly version: string;
  /**
   * - `holding`: a batch makes no progress
   * - `silent`: no report for 10 s; all values are those of the last report
   * - `connecting`: the subscriber takes nothing from the queue at the moment
   */
  readonly state: "working" | "holding" | "silent" | "connecting" | "leaving";
  /** Since when the subscriber is in that state, RFC 3339. */
  readonly since: string;
  /** Unsettled deliveries. */
  readonly events: number;
  readonly batches: number;
  /** How long ago the oldest of these deliveries was published; 0 when there is none. */
  readonly oldest_ms: number;
  /** Why the last held batch was held. */
  readonly last_error: string | null;
  readonly last_error_at: string | null;
  /** How long ago the subscriber reported. */
  readonly heard_ms: number;
}
