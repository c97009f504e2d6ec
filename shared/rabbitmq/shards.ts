/**
 * Divides events among the shards' queues. No event depends on its shard: a publisher and a subscriber may use different
 * numbers of shards for a while. A player's events share a queue so that batches of different queues rarely wait for
 * each other's totals.
 */
import { shardsExchangeOf } from "../runtime/configuration/queue_names.ts";
import type { TopologyConfig } from "./topology.ts";

/** Where events are published: with one queue as always, otherwise to the exchange that routes by shard. */
export interface EventRouting {
  readonly exchange: string;
  readonly routingKeyOf: (playerId: bigint) => string;
}

export function eventRouting(
  { EVENTS_EXCHANGE, EVENTS_SHARDS: shards = 1 }: Pick<TopologyConfig, "EVENTS_EXCHANGE" | "EVENTS_SHARDS">,
): EventRouting {
  if (shards === 1) return { exchange: EVENTS_EXCHANGE, routingKeyOf: String };
  const keys = Array.from({ length: shards }, (_, shard) => String(shard));
  return {
    exchange: shardsExchangeOf(EVENTS_EXCHANGE),
    routingKeyOf: (playerId) => keys[shardOf(playerId, shards)]!,
  };
}

/**
 * Returns the player's shard: FNV-1a over the decimal digits, then MurmurHash3's finalizer, because the low bits of
 * FNV-1a follow those of similar ids. Other publishers may use any function; this one must not change between releases.
 */
export function shardOf(playerId: bigint, shards: number): number {
  const digits = String(playerId);
  let hash = 0x811c9dc5;
  for (let i = 0; i < digits.length; i++) hash = Math.imul(hash ^ digits.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return ((hash ^ hash >>> 16) >>> 0) % shards;
}
