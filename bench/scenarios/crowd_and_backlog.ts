/** The extremes: many subscribers at once on a cold cache, and one subscriber with a night's backlog. */
import { delay } from "../../tools/services/server.ts";
import { controlClient } from "../../rates-api/control_client.ts";
import type { Environment } from "../environment.ts";
import { type Figures, startSubscribers } from "./consume.ts";
import { memoryMibOf } from "../program.ts";

const crowd = { subscribers: 16, events: 20_000, pollMs: 3 };

/** All events need rates, and the cache holds none. */
export async function coldStart(environment: Environment): Promise<Figures> {
  const { subscribers, events, pollMs } = crowd;
  await environment.reset();
  await using ratesApi = await environment.startRatesApi();
  const REDIS_KEY_PREFIX = `cold-${crypto.randomUUID().slice(0, 8)}:`;
  await using members = await startSubscribers(environment, subscribers, { env: { REDIS_KEY_PREFIX } });
  members.hold();
  await environment.publishLines(Array.from({ length: events }, (_, n) => dollarBet(n + 1)));
  const begun = performance.now();
  members.release();
  let firstStoredMs = NaN;
  while (Number.isNaN(firstStoredMs)) {
    if (await environment.stored() > 0) firstStoredMs = performance.now() - begun;
    else await delay(pollMs);
  }
  await environment.untilStored(events);
  const allStoredMs = performance.now() - begun;
  using control = controlClient(environment.env["RATES_API_ADDRESS"]!, environment.env["RATES_CONTROL_KEY"]!);
  const { calls } = await control.stats();
  await members.stop();
  await ratesApi.stop();
  await environment.check(events);
  return { firstStoredMs, allStoredMs, apiCalls: calls };
}

function dollarBet(id: number): string {
  return JSON.stringify({
    id,
    player_id: 10 + id % 1_000,
    game_id: 100,
    type: "bet",
    amount: 500,
    currency: "USD",
    has_won: false,
    created_at: "2026-01-01T00:00:00Z",
  });
}

const [backlog, allEvents, players] = [500_000, 2_000_000, 1_000];

interface Sample {
  readonly ms: number;
  readonly stored: number;
  readonly mib: number;
}

/** Events still arrive meanwhile. */
export async function endure(environment: Environment): Promise<Figures> {
  await environment.reset();
  await using ratesApi = await environment.startRatesApi();
  await environment.publish(backlog, players, 1);
  await using subscribers = await startSubscribers(environment, 1);
  const { pid } = subscribers.first;
  const publishing = environment.publish(allEvents - backlog, players, 2);
  const samples: Sample[] = [];
  await environment.untilStored(allEvents, (stored) => {
    samples.push({ ms: performance.now(), stored, mib: memoryMibOf(pid).now });
  });
  await publishing;
  const { peak } = memoryMibOf(pid);
  await subscribers.stop();
  await ratesApi.stop();
  await environment.check(allEvents);
  const [first, last] = [tenth(samples, 0), tenth(samples, 9)];
  return {
    eventsPerSecond: allEvents / ((samples.at(-1)!.ms - samples[0]!.ms) / 1000),
    firstTenthEventsPerSecond: first.rate,
    lastTenthEventsPerSecond: last.rate,
    firstTenthMib: first.mib,
    lastTenthMib: last.mib,
    memoryLastOverFirst: last.mib / first.mib,
    peakMib: peak,
  };
}

/** The rate and the mean memory of the n-th tenth of all events. */
function tenth(samples: readonly Sample[], n: number): { rate: number; mib: number } {
  const within = samples.filter(({ stored }) => stored > allEvents * n / 10 && stored <= allEvents * (n + 1) / 10);
  const [first, last] = [within[0]!, within.at(-1)!];
  return {
    rate: (last.stored - first.stored) / ((last.ms - first.ms) / 1000),
    mib: within.reduce((sum, { mib }) => sum + mib, 0) / within.length,
  };
}
