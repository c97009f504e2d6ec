/** One subscriber for as long as a night's backlog takes, with events still coming. */
import { memoryMibOf } from "../program.ts";
import type { Environment } from "../environment.ts";
import { type Figures, startSubscribers } from "./consume.ts";

const [backlog, events] = [500_000, 2_000_000];
const players = 1_000;

interface Sample {
  readonly ms: number;
  readonly stored: number;
  readonly mib: number;
}

export async function endure(environment: Environment): Promise<Figures> {
  await environment.reset();
  await using ratesApi = await environment.startRatesApi();
  await environment.publish(backlog, players, 1);
  await using subscribers = await startSubscribers(environment, 1);
  const { pid } = subscribers.first;
  const publishing = environment.publish(events - backlog, players, 2);
  const samples: Sample[] = [];
  await environment.untilStored(events, (stored) => {
    samples.push({ ms: performance.now(), stored, mib: memoryMibOf(pid).now });
  });
  await publishing;
  const { peak } = memoryMibOf(pid);
  await subscribers.stop();
  await ratesApi.stop();
  await environment.check(events);
  const [first, last] = [tenth(samples, 0), tenth(samples, 9)];
  return {
    eventsPerSecond: events / ((samples.at(-1)!.ms - samples[0]!.ms) / 1000),
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
  const within = samples.filter(({ stored }) => stored > events * n / 10 && stored <= events * (n + 1) / 10);
  const [first, last] = [within[0]!, within.at(-1)!];
  return {
    rate: (last.stored - first.stored) / ((last.ms - first.ms) / 1000),
    mib: within.reduce((sum, { mib }) => sum + mib, 0) / within.length,
  };
}
