/** Bets that a test publishes itself, in as few words as it can. */
import { Buffer } from "node:buffer";
import type { Channel } from "amqplib";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import { bet } from "../fixtures/deliveries.ts";

interface Target {
  readonly channel: Channel;
  /** The exchange. */
  readonly events: string;
}

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
