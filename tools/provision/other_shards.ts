/** The events queues of more shards than EVENTS_SHARDS, which another setting has left. */
import type { ChannelModel } from "amqplib";
import { onChannel, type TopologyConfig } from "../../shared/rabbitmq/topology.ts";
import { mostShards, shardQueuesOf, shardsExchangeOf } from "../../shared/runtime/configuration/queue_names.ts";
import { stateOf, told } from "./former.ts";

/**
 * Reports the queues, and removes them if asked: unbinds each, so that its events go to the first queue from then on,
 * and deletes it if it is empty and has no consumers.
 * @returns a sentence about each queue, and whether none that was to be removed is left
 */
export async function otherShards(
  connection: ChannelModel,
  { EVENTS_EXCHANGE, EVENTS_QUEUE, EVENTS_SHARDS = 1 }: TopologyConfig,
  remove: boolean,
): Promise<{ readonly said: readonly string[]; readonly done: boolean }> {
  const said: string[] = [];
  let done = true;
  for (const [shard, name] of shardQueuesOf(EVENTS_QUEUE, mostShards).entries()) {
    if (shard < EVENTS_SHARDS || !await stateOf(connection, name)) continue;
    const exchange = shardsExchangeOf(EVENTS_EXCHANGE);
    if (remove) await onChannel(connection, (channel) => channel.unbindQueue(name, exchange, String(shard)));
    const state = await stateOf(connection, name);
    const isUsed = !state || state.messageCount > 0 || state.consumerCount > 0;
    if (remove && !isUsed) {
      await onChannel(connection, (channel) => channel.deleteQueue(name));
      said.push(`Deleted the empty queue ${name}.`);
    } else if (state) {
      if (remove) done = false;
      const way = remove ? ": run the command again once a subscriber of more shards has emptied it" : "";
      said.push(`The queue ${name} is beyond EVENTS_SHARDS=${EVENTS_SHARDS}, ${told(state)}${way}.`);
    }
  }
  return { said, done };
}
