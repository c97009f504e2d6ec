/**
 * What an event costs, and what one of each part can do: the constants that the model computes with. Those that bench/results
 * holds are checked against it by model_test.ts; when it moves away from them, they, docs/scale.md and its table have to follow.
 */

/** µs of CPU an event, by how many players the events are of: `[players, µs]`, in between by the logarithm. */
export const byPlayers = {
  /** Medians of groups throughput, scale and growth. */
  subscriberUs: [[10, 9.3], [1_000, 9.5], [1_000_000, 11.1]],
  postgresUs: [[10, 4.4], [1_000, 6.7], [1_000_000, 11.8]],
  /** Bytes of log that Postgres writes; of 65,000 events each, on Postgres 15.18, between checkpoints. */
  walBytes: [[1_000, 444], [1_000_000, 525]],
} as const;

/** µs of CPU an event. */
export const linesUs = 3;
export const deliverUs = 6.3;
export const publisherUs = 13.4;
/** Fitted to group publisher, whose two cores are then used up; only an upper bound, since what idled counts as RabbitMQ's. */
export const acceptUs = 25.5;

/** Share of Postgres's time that a subscriber waits for: the next window is read and priced in the rest. Fitted to one subscriber. */
export const waitedFor = 0.6;
/** Share of shared cores that several processes use up; fitted to two and more subscribers. */
export const usable = 0.95;
/** What each doubling of the subscribers adds to an event's cost: smaller windows, more switches. Fitted to group scale. */
export const perDoubling = 0.065;
/** What each tenfold of stored rows beyond 100,000 adds to the time that Postgres takes, and to its CPU. Fitted to group growth. */
export const perTenfold = { time: 0.26, cpu: 0.085 };

/** ms that half of the events take from publication to commit while little goes on: two questions to Postgres. */
export const idleLatencyMs = 2.7;
export const subscriberMib = 150;
/** In `events`, its indexes included. */
export const rowBytes = 350;
/** On the wire with all headers, once to RabbitMQ and once from it; and as a row to Postgres. Estimated from their formats: some 220 and 280 bytes, and what TCP adds. */
export const messageBytes = 300;
export const copiedBytes = 300;

/** Events a second that one was seen to do or, where nothing was seen, that we plan with. */
export const mostOf = {
  /** Measured: group publisher. */
  publisher: 48_800,
  /** Measured: group endurance, in and out at once. Two cores set this bound, and not the queue: what it can do is unknown. */
  queue: 32_600,
  /** Assumed: some 50 MB of log a second. Measured is 88,000 with two cores for everything. */
  postgres: 100_000,
};

/** Share of what is possible that is planned with: the rest is for peaks, catching up, and a member that is missing. */
export const planned = 0.6;

/** Looks at Redis a second and worker: at most, while it waits, from the simulation; and of CPU that one costs Redis, in µs. */
export const looks = { perWorker: 24.5, us: 20 };
