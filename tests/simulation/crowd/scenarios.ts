/** What may happen to a thousand workers' rates. Times are virtual ms. */
import type { Random } from "../../../shared/runtime/random.ts";
import type { Scenario } from "./crowd.ts";
import type { Network } from "./redis_server.ts";

/** Machines in one data centre. */
const near: Network = (random) => 0.1 + random.next() * 0.3;
/** Workers of another region than their Redis: 20 to 60 ms one way, and one packet in a hundred up to 400 ms late. */
const far: Network = (random) => 20 + random.next() * 40 + (random.next() < 0.01 ? random.next() * 400 : 0);
/** What a rates API takes across the Internet, the connection included. */
const usual = (random: Random) => 100 + random.next() * 200;

const base = {
  network: near,
  answerMs: usual,
  batchEveryMs: 100,
  startWithinMs: 100,
  script: [],
  from: 0,
};

export const scenarios: readonly Scenario[] = [
  { ...base, name: "cold cache, all start at once", to: 1_000, endMs: 8_000 },
  {
    ...base,
    name: "rates end for all at once",
    answerMs: () => 200,
    from: 60_200,
    to: 61_200,
    endMs: 124_000,
  },
  {
    ...base,
    name: "who fetches dies",
    script: [{ atMs: 150, act: (crowd) => crowd.killLastCaller() }],
    to: 4_000,
    endMs: 8_000,
  },
  {
    ...base,
    name: "rates API down for 6 s",
    script: [
      { atMs: 0, act: ({ api }) => api.down = true },
      { atMs: 6_000, act: ({ api }) => api.down = false },
    ],
    to: 6_000,
    endMs: 8_000,
  },
  {
    ...base,
    name: "the same, stale rates may serve",
    times: { RATES_MAX_STALE_MS: 600_000 },
    batchEveryMs: 50,
    script: [
      { atMs: 59_000, act: ({ api }) => api.down = true },
      { atMs: 67_000, act: ({ api }) => api.down = false },
    ],
    from: 61_000,
    to: 67_000,
    endMs: 69_000,
  },
  { ...base, name: "rates API takes 1.8 s", answerMs: () => 1_800, to: 1_800, endMs: 8_000 },
  {
    ...base,
    name: "rates API takes longer than its 2 s, for 6 s",
    answerMs: () => 2_500,
    script: [{ atMs: 6_000, act: ({ api }) => api.answerMs = usual }],
    to: 6_000,
    endMs: 11_000,
  },
  {
    ...base,
    name: "Redis away from 30 s to 150 s",
    script: [
      { atMs: 30_000, act: ({ redis }) => redis.away = true },
      { atMs: 150_000, act: ({ redis }) => redis.away = false },
    ],
    from: 60_000,
    to: 190_000,
    endMs: 190_000,
  },
  {
    ...base,
    name: "Redis away for 8 s, the rates API for 6 of them",
    script: [
      { atMs: 0, act: ({ redis, api }) => redis.away = api.down = true },
      { atMs: 6_000, act: ({ api }) => api.down = false },
      { atMs: 8_000, act: ({ redis }) => redis.away = false },
    ],
    to: 10_000,
    endMs: 12_000,
  },
  { ...base, name: "Redis in another region, cold cache", network: far, to: 1_000, endMs: 8_000 },
];
