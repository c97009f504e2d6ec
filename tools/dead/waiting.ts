import { openConnection } from "../../shared/rabbitmq/connection.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Config } from "../../shared/runtime/configuration/config.ts";
import { settledWithin } from "../../shared/runtime/deadline.ts";

/** Short, because the queue is an extra: the command asked for the letters in the table. */
const timeoutMs = 3_000;

/**
 * Writes to stderr how many letters are still in the queue. The command does not show them until a keeper has moved
 * them into the table.
 */
export async function noteWaiting(
  config: Pick<Config, "DEAD_LETTER_QUEUE" | "RABBITMQ_URL">,
  clock: Clock,
): Promise<void> {
  await settledWithin(timeoutMs, clock, look(config));
}

async function look(
  { DEAD_LETTER_QUEUE: queue, RABBITMQ_URL: url }: Pick<Config, "DEAD_LETTER_QUEUE" | "RABBITMQ_URL">,
) {
  const connection = await openConnection({ url, name: "casino dead" });
  connection.on("error", () => {});
  try {
    const channel = await connection.createChannel();
    channel.on("error", () => {});
    const { messageCount, consumerCount } = await channel.checkQueue(queue);
    if (messageCount === 0) return;
    const letters = messageCount === 1 ? "1 letter waits" : `${messageCount} letters wait`;
    const why = consumerCount > 0
      ? "subscribers move them into the table; a moment later they are here"
      : "no keeper takes them: DEAD_LETTER_KEEPER is off, or no subscriber runs whose keeper reaches the broker and Postgres";
    console.error(`Besides, ${letters} in the queue ${queue}: ${why}.`);
  } finally {
    await connection.close();
  }
}
