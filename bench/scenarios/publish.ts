/** Confirmed publishing: ours against amqplib alone. */
import { cpuMsOf, memoryMibOf } from "../processes.ts";
import { Program } from "../program.ts";
import type { Environment } from "../environment.ts";
import type { Figures } from "./consume.ts";

export const published = 200_000;
/** ConfirmPublisher's own default. */
const windowOfConfirms = 1_000;
const sampleEveryMs = 50;

export async function publishWithOurs(environment: Environment): Promise<Figures> {
  const args = ["--count", String(published), "--players", "1000", "--seed", "1"];
  await environment.reset();
  return await publish(
    environment,
    new Program({ program: { task: "publisher" }, args, env: environment.env }),
    (words) => {
      const [, confirmed, seconds] = /confirmed (\d+),.* over ([\d.]+) s/.exec(words)!;
      return Number(confirmed) / Number(seconds);
    },
  );
}

export async function publishBare(environment: Environment): Promise<Figures> {
  await environment.reset();
  const args = [String(published), String(windowOfConfirms)];
  return await publish(
    environment,
    new Program({ program: { file: "bench/contenders/bare_publisher.ts" }, args, env: environment.env }),
    (words) => {
      const [, confirmed, seconds] = /confirmed (\d+) in ([\d.]+) s/.exec(words)!;
      return Number(confirmed) / Number(seconds);
    },
  );
}

async function publish(
  environment: Environment,
  program: Program,
  rateOf: (words: string) => number,
): Promise<Figures> {
  await using publisher = program;
  let [cpuMs, peakMib] = [0, 0];
  const sampling = setInterval(() => {
    const { peak } = memoryMibOf(publisher.pid);
    // One that has just ended has none.
    if (!Number.isNaN(peak)) [cpuMs, peakMib] = [cpuMsOf([publisher.pid])[0]!, peak];
  }, sampleEveryMs);
  const words = await publisher.until("confirmed ").finally(() => clearInterval(sampling));
  await publisher.end();
  const { messageCount } = await environment.channel.checkQueue(environment.config.EVENTS_QUEUE);
  if (messageCount !== published) throw new Error(`${messageCount} of ${published} messages are in the queue`);
  return { eventsPerSecond: rateOf(words), publisherCpuUs: cpuMs * 1000 / published, peakMib };
}
