/** Generates plausible events; the same seed gives the same events. */
import { uuidv7 } from "../shared/rabbitmq/message_id.ts";
import type { Event } from "../shared/event/event.ts";
import { kinds } from "../shared/event/kinds.ts";
import { exponentOf } from "../shared/event/money.ts";
import type { Random } from "../shared/runtime/random.ts";
import { type Timestamp, timestampOfMs } from "../shared/event/timestamp.ts";

export interface GeneratorOptions {
  readonly random: Random;
  /** Number of players. Ids count up from {@linkcode firstPlayerId}; the database's seed contains the first five. */
  readonly players: number;
  /** Id of the first event; later events count up from it. */
  readonly firstId: bigint;
  /** Time of the n-th event, in milliseconds since 1970. */
  readonly timeMs: (n: number) => number;
}

export interface Generated {
  readonly messageId: string;
  readonly event: Event;
}

export const firstPlayerId = 10;
const [firstGameId, lastGameId] = [100, 109];
const currencies = ["EUR", "USD", "GBP", "NZD", "JPY", "BTC"] as const;
const kindsByWeight = kinds.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));

export function* generateEvents({ random, players, firstId, timeMs }: GeneratorOptions): Generator<Generated, never> {
  for (let n = 0;; n++) {
    const ms = timeMs(n);
    const event = makeEvent(firstId + BigInt(n), timestampOfMs(ms), players, random);
    yield { messageId: uuidv7(ms, random.bytes(10)), event };
  }
}

function makeEvent(id: bigint, createdAt: Timestamp, players: number, random: Random): Event {
  const kind = pick(kindsByWeight, random);
  const playerId = BigInt(random.int(firstPlayerId, firstPlayerId + players - 1));
  const gameId = BigInt(random.int(firstGameId, lastGameId));
  if (!kind.hasMoney) return { type: kind.type, id, playerId, gameId, createdAt };
  const [least, most] = kind.usualAmounts;
  const money = makeMoney(least, most, random);
  if (!kind.hasGame) return { type: kind.type, id, playerId, ...money, createdAt };
  return { type: kind.type, id, playerId, gameId, ...money, hasWon: random.next() < 0.3, createdAt };
}

/** @param least, most: in whole units of the currency, multiplied by 0.001 for BTC and by 100 for JPY */
function makeMoney(least: number, most: number, random: Random): { amount: bigint; currency: string } {
  const currency = pick(currencies, random);
  const exponent = exponentOf(currency) ?? 2;
  const major = random.int(least * 100, most * 100) / 100 * (currency === "BTC" ? 0.001 : currency === "JPY" ? 100 : 1);
  return { amount: BigInt(Math.round(major * 10 ** exponent)), currency };
}

function pick<T>(choices: readonly T[], random: Random): T {
  return choices[random.int(0, choices.length - 1)]!;
}
