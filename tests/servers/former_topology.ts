/** The queues and exchanges of 0.1.0. */
import type { Channel } from "amqplib";

/** @param name name of both the exchange and the events queue @param ms the only value of RETRY_DELAYS_MS */
export async function declareFormer(channel: Channel, name: string, ms: number): Promise<void> {
  const strategy = { "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" };
  const queues: [string, Record<string, unknown>][] = [
    [`${name}.dead`, { "x-delivery-limit": 1_000_000_000 }],
    [name, { "x-delivery-limit": 20, "x-dead-letter-exchange": `${name}.dead`, ...strategy }],
    [`${name}.delay-${ms}`, {
      ...{ "x-message-ttl": ms, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": name },
      ...strategy,
    }],
  ];
  for (const [queue, args] of queues) {
    await channel.assertExchange(queue, "fanout", { durable: true });
    await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "quorum", ...args } });
    await channel.bindQueue(queue, queue, "");
  }
}
