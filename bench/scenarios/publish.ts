/** Confirmed publishing: ours against amqplib alone. */
import { cpuMsOf, memoryMibOf } from "../processes.ts";
import { Program } from "../program.ts";
import type { Stand } from "../stand.ts";
import type { Figures } from "./consume.ts";

export const published = 200_000;
/** ConfirmPublisher's own default. */
const windowOfConfirms = 1_000;
const sampleEveryMs = 50;

export async function publishWithOurs(stand: Stand): Promise<Figures> {
  const args = ["--count", String(published), "--players", "1000", "--seed", "1"];
  await stand.reset();
  return await publish(stand, new Program({ program: { task: "publisher" }, args, env: stand.env }), (words) => {
    const [, confirmed, seconds] = /confirmed (\d+),.* over ([\d.]+) s/.exec(words)!;
    return Number(confirmed) / Number(seconds);
  });
}

export async function publishBare(stand: Stand): Promise<Figures> {
  await stand.reset();
  const args = [String(published), String(windowOfConfirms)];
  return await publish(
    stand,
    new Program({ program: { file: "bench/contenders/bare_publisher.ts" }, args, env: stand.env }),
    (words) => {
      const [, confirmed, seconds] = /confirmed (\d+) in ([\d.]+) s/.exec(words)!;
      return Number(confirmed) / Number(seconds);
    },
  );
}

async function publish(stand: Stand, program: Program, rateOf: (words: string) => number): Promise<Figures> {
  await using publisher = program;
  let [cpuMs, peakMib] = [0, 0];
  const sampling = setInterval(() => {
    const { peak } = memoryMibOf(publisher.pid);
    // One that has just ended has none.
    if (!Number.isNaN(peak)) [cpuMs, peakMib] = [cpuMsOf([publisher.pid])[0]!, peak];
  }, sampleEveryMs);
  const words = await publisher.until("confirmed ").finally(() => clearInterval(sampling));
  await publisher.end();
  const { messageCount } = await stand.channel.checkQueue(stand.config.EVENTS_QUEUE);
  if (messageCount !== published) throw new Error(`${messageCount} of ${published} messages are in the queue`);
  return { eventsPerSecond: rateOf(words), publisherCpuUs: cpuMs * 1000 / published, peakMib };
}
