/** The time from when an event is due to be published until its commit is known, at a steady rate. */
import { Program } from "../program.ts";
import type { Environment } from "../environment.ts";
import { type Figures, startSubscribers } from "./consume.ts";

const seconds = 20;
const warmUpSeconds = 3;

export async function latencyAt(environment: Environment, perSecond: number): Promise<Figures> {
  await environment.reset();
  await using ratesApi = await environment.startRatesApi();
  const skipped = perSecond * warmUpSeconds;
  await using subscribers = await startSubscribers(environment, 1, {
    program: { file: "bench/contenders/timed_subscriber.ts", withFlagsOf: "subscriber" },
    env: { SKIP_EVENTS: String(skipped) },
  });
  await using publisher = new Program({
    program: { file: "bench/contenders/paced_publisher.ts" },
    args: [String(perSecond), String(seconds), "1"],
    env: environment.env,
  });
  await publisher.end();
  await environment.untilStored(perSecond * seconds);
  await subscribers.stop();
  await ratesApi.stop();
  await environment.check(perSecond * seconds);
  return JSON.parse((await subscribers.first.until("latencies ")).slice("latencies ".length));
}
