/**
 * amqplib drops the frames of a channel that are not sent yet when its connection closes: acks among them. So a channel is
 * closed before its connection. But when the connection is lost meanwhile, amqplib's own `close()` never settles.
 *
 * Reports: https://github.com/amqp-node/amqplib/issues/143 (frames); none known of `close()`. Seen with amqplib 2.3.1.
 * Remove it when `Channel.close()` settles on a connection that is lost: tests/integration/lost_connection_test.ts.
 */
import type { Channel } from "amqplib";

/** Resolves when the channel is closed, also by the loss of its connection. */
export function closeChannel(channel: Channel): Promise<void> {
  return new Promise((resolve) => {
    channel.once("close", resolve);
    (async () => await channel.close())().catch(() => resolve());
  });
}
