/**
 * amqplib's `close()` waits for the broker's answer as long as TCP does. amqplib has no other way to close a
 * connection, and its socket is private.
 *
 * Report: https://github.com/amqp-node/amqplib/pull/744, which proposed `close()` by force. Seen with amqplib 2.3.1.
 * Remove it when amqplib can close a connection at once.
 */
import type { ChannelModel } from "amqplib";

/** Closes the connection's socket at once. */
export function cutConnection({ connection }: ChannelModel): void {
  (connection as unknown as { stream: { destroy(): void } }).stream.destroy();
}
