/** Derives broker names from the settings, and checks that no name is used twice. */

export function deadLetterExchangeOf(deadLetterQueue: string): string {
  return `${deadLetterQueue}-letters`;
}

/** A subscriber's bytes in hand have room for so many shards of one largest message each: consume/inflow.ts. */
export const mostShards = 32;

/**
 * Returns the events queue of each shard. The first keeps the name that it has alone: it also takes what publishers of
 * one queue and foreign publishers send, so it is consumed whatever the number of shards.
 */
export function shardQueuesOf(eventsQueue: string, shards: number): string[] {
  return Array.from({ length: shards }, (_, shard) => shard === 0 ? eventsQueue : `${eventsQueue}.${shard}`);
}

/** Returns the exchange that routes by shard; with one queue there is none. */
export function shardsExchangeOf(eventsExchange: string): string {
  return `${eventsExchange}.shards`;
}

interface Named {
  readonly name: string;
  /** The variables that determine the name. */
  readonly by: string;
}

/**
 * Returns a problem for each name that is used twice. Two exchanges with one name are one exchange, which delivers each
 * queue the other's messages. If an exchange and a queue share a name, a user with permissions for that name can bind
 * the exchange to the same effect.
 *
 * EVENTS_EXCHANGE and EVENTS_QUEUE may share a name, as in version 0.1.0, until that queue is drained.
 */
export function faultsOfQueueNames(values: Readonly<Record<string, unknown>>): string[] {
  const problems: string[] = [];
  const all = namesIn(values);
  for (const [i, { name, by }] of all.entries()) {
    const first = all.slice(0, i).find((other) => other.name === name);
    const isFormer = by === `EVENTS_QUEUE=${name}` && first?.by === `EVENTS_EXCHANGE=${name}`;
    if (!first || isFormer) continue;
    problems.push(
      `${first.by} and ${by} must not both use the name ${name}: each exchange and queue needs its own name`,
    );
  }
  return problems;
}

function namesIn(
  { EVENTS_EXCHANGE: exchange, EVENTS_QUEUE: queue, EVENTS_SHARDS: shards = 1, DEAD_LETTER_QUEUE: dead }: Readonly<
    Record<string, unknown>
  >,
): Named[] {
  const names: Named[] = [];
  const several = typeof shards === "number" && shards > 1;
  if (typeof exchange === "string") names.push({ name: exchange, by: `EVENTS_EXCHANGE=${exchange}` });
  if (typeof exchange === "string" && several) {
    names.push({ name: shardsExchangeOf(exchange), by: `EVENTS_EXCHANGE=${exchange} with EVENTS_SHARDS=${shards}` });
  }
  if (typeof queue === "string") names.push({ name: queue, by: `EVENTS_QUEUE=${queue}` });
  if (typeof queue === "string" && several) {
    const more = shardQueuesOf(queue, shards).slice(1);
    names.push(...more.map((name) => ({ name, by: `EVENTS_QUEUE=${queue} with EVENTS_SHARDS=${shards}` })));
  }
  if (typeof dead === "string") {
    names.push(...[dead, deadLetterExchangeOf(dead)].map((name) => ({ name, by: `DEAD_LETTER_QUEUE=${dead}` })));
  }
  return names;
}
