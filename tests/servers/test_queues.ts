/** A real broker's queues for one test, gone afterwards, and bets published into such queues. */
import { Buffer } from "node:buffer";
import { type Channel, connect } from "amqplib";
import { systemClock } from "../../shared/runtime/clock.ts";
import { systemRandom } from "../../shared/runtime/random.ts";
import { servers, uniqueName } from "./servers.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import type { BrokerOptions } from "../../shared/rabbitmq/connection.ts";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import { bet } from "../fixtures/deliveries.ts";
import { eventTopology, type Topology } from "../../shared/rabbitmq/topology.ts";

export { eventually } from "../fixtures/eventually.ts";

export interface TestQueues {
  readonly events: string;
  readonly dead: string;
  readonly topology: Topology;
  readonly broker: BrokerOptions;
  /** For what the test itself asks of the broker. */
  readonly channel: Channel;
}

export async function withTestQueues(
  use: (queues: TestQueues) => Promise<void>,
  { retryDelays = [] }: { readonly retryDelays?: readonly number[] } = {},
): Promise<void> {
  const events = uniqueName("test.events");
  const dead = `${events}.dead`;
  const connection = await connect(servers.RABBITMQ_URL);
  const channel = await connection.createChannel();
  const broker = { url: servers.RABBITMQ_URL, name: events, clock: systemClock, random: systemRandom, log: silentLog };
  const topology = eventTopology({
    ...{ EVENTS_EXCHANGE: events, EVENTS_QUEUE: events, DEAD_LETTER_QUEUE: dead },
    RETRY_DELAYS_MS: retryDelays,
  });
  try {
    await use({ events, dead, topology, broker, channel });
  } finally {
    for (const { name, exchange } of topology) {
      await channel.deleteQueue(name);
      await channel.deleteExchange(exchange);
    }
    await connection.close();
  }
}

type Target = Pick<TestQueues, "channel" | "events">;

/** @param currency EUR for a bet that needs no rates */
export function publishBet({ channel, events }: Target, id: number, currency = "USD"): void {
  const body = Buffer.from(encodeEvent(bet({ id: BigInt(id), currency })));
  channel.publish(events, "", body, { messageId: uuidOf(id) });
}

export function publishBets(target: Target, count: number): void {
  for (let id = 1; id <= count; id++) publishBet(target, id);
}

export function uuidOf(id: number): string {
  return `00000000-0000-7000-8000-${String(id).padStart(12, "0")}`;
}
