/** A channel to act on a dead letter queue. */
import type { Channel } from "amqplib";
import { openConnection } from "../connection.ts";
import { redact } from "../../runtime/secrets.ts";
import { explainConnection, messageOf } from "../../runtime/errors.ts";

/**
 * Lets `act` have a channel on a connection of its own. The channel's close gives back what was only looked at, and comes
 * after the acks: the connection's could overtake them.
 * @throws {Error} with a sentence that names the queue or the address.
 */
export async function onDeadLetterChannel<T>(
  url: string,
  queue: string,
  act: (channel: Channel) => Promise<T>,
): Promise<T> {
  try {
    const connection = await openConnection({ url, name: "casino dead" });
    connection.on("error", () => {});
    try {
      const channel = await connection.createChannel();
      channel.on("error", () => {});
      const result = await act(channel);
      await channel.close();
      return result;
    } finally {
      await connection.close().catch(() => {});
    }
  } catch (error) {
    if ((error as { code?: unknown }).code === 404) {
      throw new Error(
        `There is no queue ${queue} at ${redact(url)}: nothing was dead-lettered yet, or DEAD_LETTER_QUEUE is wrong.`,
      );
    }
    if ((error as { code?: unknown }).code === 403) {
      throw new Error(
        `The user of ${redact(url)} may not do this with the queue ${queue}: the one for dead letters may ` +
          "(deno task roles rabbitmq).",
      );
    }
    if (/ACCESS[_-]REFUSED/.test(messageOf(error))) {
      throw new Error(`The broker refuses the user or password of RABBITMQ_URL=${redact(url)}.`);
    }
    throw explainConnection(error, "RabbitMQ", url);
  }
}
