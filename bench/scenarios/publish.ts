/**
 * Confirmed publishing, by our publisher and by amqplib alone; and the time from an event's due time until its commit.
 */
import { cpuMsOf, memoryMibOf, Program, type ProgramOptions } from "../program.ts";
import type { Environment } from "../environment.ts";
import { type Figures, startSubscribers } from "./consume.ts";

const published = 200_000;
/** The default of ConfirmPublisher. */
const windowOfConfirms = 1_000;
const sampleEveryMs = 50;

export function publishWithOurs(environment: Environment): Promise<Figures> {
  const args = ["--count", String(published), "--players", "1000", "--seed", "1"];
  return publish(environment, { program: { task: "publisher" }, args, env: environment.env });
}

export function publishBare(environment: Environment): Promise<Figures> {
  const args = [String(published), String(windowOfConfirms)];
  return publish(environment, { program: { file: "bench/contenders/bare_publisher.ts" }, args, env: environment.env });
}

async function publish(environment: Environment, options: ProgramOptions): Promise<Figures> {
  await environment.reset();
  await using publisher = new Program(options);
  let [cpuMs, peakMib] = [0, 0];
  const sampling = setInterval(() => {
    const { peak } = memoryMibOf(publisher.pid);
    // A process that has just ended has no memory.
    if (!Number.isNaN(peak)) [cpuMs, peakMib] = [cpuMsOf([publisher.pid])[0]!, peak];
  }, sampleEveryMs);
  const words = await publisher.until("confirmed ").finally(() => clearInterval(sampling));
  const [, confirmed, seconds] = /confirmed (\d+).* (?:over|in) ([\d.]+) s/.exec(words)!;
  await publisher.end();
  const { messageCount } = await environment.channel.checkQueue(environment.config.EVENTS_QUEUE);
  if (messageCount !== published) throw new Error(`${messageCount} of ${published} messages are in the queue`);
  return { eventsPerSecond: Number(confirmed) / Number(seconds), publisherCpuUs: cpuMs * 1000 / published, peakMib };
}

/** Events are published at a steady rate. */
const [latencySeconds, warmUpSeconds] = [20, 3];

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
    args: [String(perSecond), String(latencySeconds), "1"],
    env: environment.env,
  });
  await publisher.end();
  await environment.untilStored(perSecond * latencySeconds);
  await subscribers.stop();
  await ratesApi.stop();
  await environment.check(perSecond * latencySeconds);
  return JSON.parse((await subscribers.first.until("latencies ")).slice("latencies ".length));
}
