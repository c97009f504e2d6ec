/**
 * When a connection closes, amqplib drops its channels' unsent frames, including acks. So we close a channel before its
 * connection. But amqplib's own `close()` never settles if the connection is lost meanwhile.
 *
 * Reports: https://github.com/amqp-node/amqplib/issues/143 (frames); none known of `close()`. Seen with amqplib 2.3.1.
 * Remove it when `Channel.close()` settles on a connection that is lost: tests/integration/lost_connection_test.ts.
 */
import type { Channel } from "amqplib";

/** Closes the channel. Resolves when it is closed, also by the loss of its connection. */
export function closeChannel(channel: Channel): Promise<void> {
  return new Promise((resolve) => {
    channel.once("close", resolve);
    (async () => await channel.close())().catch(() => resolve());
  });
}
