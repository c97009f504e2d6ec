/**
 * How scenarios run, by name (`faults/killed` is tests/scenarios/faults/killed_scenario.ts). One that is not named here runs with
 * `--all`, beside others, and takes about 30 seconds.
 */
export interface Schedule {
  /** What the README promises, which this scenario holds: it runs without `--all`, too. */
  readonly promise?: string;
  /** Why nothing else may run beside it. */
  readonly alone?: string;
  /** What it takes on two cores, roughly: the longest begin first. */
  readonly seconds?: number;
}

export const schedule: Readonly<Record<string, Schedule>> = {
  "events/bad_events": { promise: "a bad message loses nothing" },
  "events/cold_cache": { promise: "a lock makes sure that one subscriber of all calls the rates API" },
  "events/volume": { promise: "each event is stored exactly once, with its amount in EUR, and reported" },
  "faults/broker_lost": { promise: "a lost connection loses nothing" },
  "faults/killed": { promise: "a crash loses nothing" },
  "project/demo": { promise: "the whole system at work, from nothing to a summary" },
  "project/documentation": { promise: "each task has --help; the tables of tasks and settings are complete" },
  "project/migrate": { promise: "tables by hand" },
  "project/services": { promise: "servers are brought up, and what was started is stopped" },
  "watching/http": { promise: "GET /materialized, health, metrics, and dead letters for those who have the token" },
  "watching/status": { promise: "deno task status tells how it is going" },
};
