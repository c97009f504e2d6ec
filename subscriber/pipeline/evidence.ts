/** Evidence that the database takes events. It tells a poison message from a schema that refuses everything. */
import type { Event } from "../../shared/event/event.ts";
import { type EventType, eventTypes } from "../../shared/event/kinds.ts";
import { decodeEvent, encodeEvent } from "../../shared/event/protobuf.ts";
import type { Timestamp } from "../../shared/event/timestamp.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { messageIdOfBody } from "../../shared/rabbitmq/message_id.ts";
import type { Random } from "../../shared/runtime/random.ts";
import { isNew, type Process, type Processed } from "./entry.ts";

/** First of the probes' event ids, far above those of a casino. */
const firstProbeId = 2n ** 62n;
/** The ids in a probe while no event is stored yet. */
const [somePlayerId, someGameId] = [1n, 100n];

/**
 * Shared by all batches of a subscriber. Kept for each type of event: events with money need columns, constraints and
 * tables that other events do not.
 */
export class Evidence {
  #ticks = 0;
  /** By type: an event that the database took, and the moment when the latest such attempt began. */
  readonly #taken = new Map<EventType, { readonly at: number; readonly event: Event }>();

  /** @param rehearse processes deliveries in a transaction that is rolled back */
  constructor(private readonly rehearse: Process, private readonly random: Random) {}

  /** Returns a moment later than all earlier ones. */
  tick(): number {
    return ++this.#ticks;
  }

  /** Whether an attempt that began after `moment` stored an event of `type`; without `type`, of any type. */
  since(moment: number, type?: EventType): boolean {
    const types = type === undefined ? eventTypes : [type];
    return types.some((each) => (this.#taken.get(each)?.at ?? 0) > moment);
  }

  /** Records the events that the wrapped process stores. */
  watch(process: Process): Process {
    return async (deliveries, signal) => {
      const begun = this.tick();
      const processed = await process(deliveries, signal);
      this.#note(processed, begun);
      return processed;
    };
  }

  /**
   * Tests the database with a probe: an event that it should take. A refused probe is no evidence, because the database
   * may refuse the probe for its own sake.
   *
   * - The probe copies the last stored event of the type, with new ids, and in EUR: EUR needs no rates.
   * - It has the time of the refused event, because that time may be why the database refuses all events. The fraction
   *   of the second is random: a unique index on player and time may contain the stored event.
   * @param elsewhere given when the refused event's time may have no partition. The probe then has the time of the last
   * stored event, or this time when no event is stored.
   */
  async probe(refused: Delivery, signal: AbortSignal, elsewhere?: Timestamp): Promise<void> {
    const event = eventOf(refused);
    if (!event) return;
    const begun = this.tick();
    try {
      const [probed] = await this.rehearse([this.#probeFor(event, elsewhere)], signal);
      if (probed?.outcome.kind !== "ack") return;
      this.#taken.set(event.type, {
        at: begun,
        event: this.#taken.get(event.type)?.event ?? probed.facts?.event ?? event,
      });
    } catch {
      // The database refused the probe or is away: the caller holds the batch.
    }
  }

  #note(processed: readonly Processed[], at: number): void {
    let found = 0;
    for (let i = processed.length - 1; i >= 0 && found < eventTypes.length; i--) {
      const entry = processed[i]!;
      if (!isNew(entry)) continue;
      const { event } = entry.facts;
      const latest = this.#taken.get(event.type);
      if (latest && latest.at >= at) continue;
      this.#taken.set(event.type, { at, event });
      found++;
    }
  }

  #probeFor(refused: Event, elsewhere?: Timestamp): Delivery {
    const some = this.#taken.get(refused.type)?.event;
    const number = this.random.int(0, 2 ** 48);
    const { seconds } = elsewhere ? some?.createdAt ?? elsewhere : refused.createdAt;
    const event = {
      ...(some ?? { ...refused, playerId: somePlayerId }),
      ...(!some && "gameId" in refused && { gameId: someGameId }),
      ...(!some && "amount" in refused && { amount: 1n }),
      ...("currency" in refused && { currency: "EUR" }),
      id: firstProbeId + BigInt(number),
      createdAt: { seconds, nanos: (number % 1_000_000) * 1_000 },
    } as Event;
    const body = encodeEvent(event);
    return { messageId: messageIdOfBody(body, 0), body, headers: {}, appId: undefined, timestampMs: undefined };
  }
}

/** Returns the event in the body; `undefined` when the body holds no event. */
export function eventOf({ body }: Delivery): Event | undefined {
  try {
    const event = decodeEvent(body);
    return Array.isArray(event) ? undefined : event;
  } catch {
    return undefined;
  }
}
