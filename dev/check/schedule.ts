/**
 * How each scenario runs, by name: `faults/killed` is tests/scenarios/faults/killed_scenario.ts. An unlisted scenario
 * runs with `--all`, beside others, and takes up to 30 seconds.
 */
export interface Schedule {
  /**
   * The promise of the README or ARCHITECTURE.md that the scenario proves; with a promise, it also runs without
   * `--all`.
   */
  readonly promise?: string;
  /** The reason why nothing else may run beside it. */
  readonly alone?: string;
  /** Approximate seconds on two cores: the longest scenarios start first. */
  readonly seconds?: number;
}

export const schedule: Readonly<Record<string, Schedule>> = {
  "clusters/rabbitmq_cluster": { seconds: 160 },
  "dashboard/dashboard": { seconds: 80 },
  "events/bad_events": { promise: "a bad message loses no other message" },
  "events/cold_cache": { promise: "a lock ensures that only one subscriber calls the rates API" },
  "events/lock": { seconds: 50 },
  "events/volume": { promise: "each event is stored exactly once, with its amount in EUR" },
  "faults/broker_faults": { seconds: 60 },
  "faults/broker_lost": { promise: "a lost connection loses nothing; each event is stored and reported", seconds: 45 },
  "faults/chaos": { seconds: 110 },
  "faults/http_faults": { seconds: 45 },
  "faults/killed": { promise: "a crash loses nothing", seconds: 40 },
  "faults/memory": { seconds: 130 },
  "faults/postgres_faults": { seconds: 60 },
  "nights/secrets_nights": { seconds: 60 },
  "nights/servers_nights": { seconds: 120 },
  "operations/operations": { seconds: 150 },
  "operations/rotation": { seconds: 140 },
  "project/demo": { promise: "the whole system runs, from setup to a summary" },
  "project/documentation": { promise: "each task has --help, and the tables of tasks and settings are complete" },
  "project/extending": { seconds: 120 },
  "project/houses": { promise: "the layout of ARCHITECTURE.md" },
  "project/migrate": { promise: "the migrations create the tables" },
  "project/services": { promise: "up starts the servers, and down stops only those" },
  "project/services_recovery": { seconds: 70 },
  "upgrades/upgrade": { seconds: 70 },
  "watching/http": { promise: "GET /materialized, health, metrics, and dead letters with a token" },
  "watching/status": { promise: "deno task status shows the state of the system" },
};
