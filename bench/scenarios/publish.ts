/** Confirmed publishing: ours against amqplib alone. */
import { cpuMsOf, memoryMibOf, Program, type ProgramOptions } from "../program.ts";
import type { Environment } from "../environment.ts";
import type { Figures } from "./consume.ts";

const published = 200_000;
/** ConfirmPublisher's own default. */
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
    // One that has just ended has none.
    if (!Number.isNaN(peak)) [cpuMs, peakMib] = [cpuMsOf([publisher.pid])[0]!, peak];
  }, sampleEveryMs);
  const words = await publisher.until("confirmed ").finally(() => clearInterval(sampling));
  const [, confirmed, seconds] = /confirmed (\d+).* (?:over|in) ([\d.]+) s/.exec(words)!;
  await publisher.end();
  const { messageCount } = await environment.channel.checkQueue(environment.config.EVENTS_QUEUE);
  if (messageCount !== published) throw new Error(`${messageCount} of ${published} messages are in the queue`);
  return { eventsPerSecond: Number(confirmed) / Number(seconds), publisherCpuUs: cpuMs * 1000 / published, peakMib };
}
