/**
 * The product in one place: a window of deliveries is decoded, priced, described, stored, and each delivery gets its own
 * outcome. What waits, retries or settles is around it, in subscriber.ts.
 */
import type { Delivery } from "../shared/amqp/delivery.ts";
import { ack, type Dead, dead, type Outcome } from "../shared/amqp/outcome.ts";
import { decodeEvent, UndecodableError } from "../shared/event/protobuf.ts";
import { classifyStoreError, messageOf } from "../shared/errors.ts";
import { describeFaults, type Event } from "../shared/event/event.ts";
import { describe } from "./describe.ts";
import type { Enriched, Price } from "./enriched.ts";
import type { Player, Players } from "./players.ts";
import { price } from "./price.ts";
import type { Rates } from "./rates/rates.ts";
import type { Store } from "./store.ts";

/** A delivery and the event in it, or why there is none. */
export interface Decoded {
  readonly delivery: Delivery;
  readonly event: Event | Dead;
}

export interface Stages {
  readonly players: Players;
  readonly store: Store;
}

export interface Processed {
  readonly delivery: Delivery;
  readonly outcome: Outcome;
  /** What was stored, now or when the event was delivered before. */
  readonly enriched?: Enriched;
}

/**
 * @param rates or why there are none; may be missing when no event of the window needs them
 * @throws what the database threw, when no row is at fault: then nothing is stored, and the window can be tried again
 */
export async function processWindow(
  window: readonly Decoded[],
  rates: Rates | Dead | undefined,
  { players, store }: Stages,
): Promise<Processed[]> {
  const ids = playersOf(window);
  const known = ids.length > 0 ? await players.find(ids) : new Map();
  const enriched = window.map(({ delivery, event }) => isDead(event) ? event : enrich(delivery, event, rates, known));
  const refused = await saveAround(enriched.filter((entry): entry is Enriched => !isDead(entry)), store);
  return enriched.map((entry, i): Processed => {
    const delivery = window[i]!.delivery;
    if (isDead(entry)) return { delivery, outcome: entry };
    const refusal = refused?.get(entry);
    return refusal ? { delivery, outcome: refusal } : { delivery, outcome: ack, enriched: entry };
  });
}

export function decode(delivery: Delivery): Decoded {
  try {
    const event = decodeEvent(delivery.body);
    return { delivery, event: Array.isArray(event) ? dead("invalid", describeFaults(event)) : event };
  } catch (error) {
    const reason = error instanceof UndecodableError ? "undecodable" : "processing-failed";
    return { delivery, event: dead(reason, messageOf(error)) };
  }
}

export function isDead(value: Event | Price | Enriched | Rates | Dead | undefined): value is Dead {
  return value !== undefined && "kind" in value;
}

function playersOf(window: readonly Decoded[]): bigint[] {
  const ids = new Set<bigint>();
  for (const { event } of window) if (!isDead(event)) ids.add(event.playerId);
  return [...ids];
}

function enrich(
  { messageId }: Delivery,
  event: Event,
  rates: Rates | Dead | undefined,
  known: ReadonlyMap<bigint, Player>,
): Enriched | Dead {
  try {
    const cost = price(event, rates);
    if (isDead(cost)) return cost;
    const player = known.get(event.playerId);
    return { messageId, event, price: cost, player, description: describe(event, cost?.eurCents, player?.email) };
  } catch (error) {
    // A fault of ours, not of the event: it must neither stop its neighbours nor be lost.
    return dead("processing-failed", messageOf(error));
  }
}

/**
 * Saves all that Postgres takes; a window with a row that it rejects is halved until that row stands alone.
 * @returns the rows that it rejects, `undefined` when there are none
 */
async function saveAround(events: readonly Enriched[], store: Store): Promise<Map<Enriched, Dead> | undefined> {
  if (events.length === 0) return undefined;
  try {
    await store.save(events);
    return undefined;
  } catch (error) {
    if (classifyStoreError(error) !== "split") throw error;
    const [only, ...others] = events;
    if (only && others.length === 0) return new Map([[only, dead("store-rejected", messageOf(error))]]);
  }
  const half = Math.ceil(events.length / 2);
  const left = await saveAround(events.slice(0, half), store);
  const right = await saveAround(events.slice(half), store);
  return new Map([...left ?? [], ...right ?? []]);
}
