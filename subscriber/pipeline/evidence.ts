/** Whether the database takes events at all: what tells a poisonous event from a schema that refuses everything. */
import type { Event } from "../../shared/event/event.ts";
import { type EventType, eventTypes } from "../../shared/event/kinds.ts";
import { decodeEvent, encodeEvent } from "../../shared/event/protobuf.ts";
import type { Timestamp } from "../../shared/event/timestamp.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { messageIdOfBody } from "../../shared/rabbitmq/message_id.ts";
import type { Random } from "../../shared/runtime/random.ts";
import { isNew, type Process, type Processed } from "./entry.ts";

/** Event ids that no casino counts up to. */
const firstProbeId = 2n ** 62n;
/** Of a probe while nothing is stored yet. */
const [somePlayerId, someGameId] = [1n, 100n];

/**
 * Shared by all batches of a subscriber. It is kept for each type of event: events with money need columns, constraints and tables
 * that others do not.
 */
export class Evidence {
  #ticks = 0;
  /** By type: when the latest attempt began that stored an event, and that event where a delivery had it. */
  readonly #taken = new Map<EventType, { readonly at: number; readonly event: Event }>();

  /** @param rehearse what becomes of a delivery in the database, which is undone */
  constructor(private readonly rehearse: Process, private readonly random: Random) {}

  /** A moment later than any before. */
  tick(): number {
    return ++this.#ticks;
  }

  /** Whether an attempt that began after that moment stored an event of this type; or of any, when none is given. */
  since(moment: number, type?: EventType): boolean {
    const types = type === undefined ? eventTypes : [type];
    return types.some((each) => (this.#taken.get(each)?.at ?? 0) > moment);
  }

  /** Watches the attempts of all batches. */
  watch(process: Process): Process {
    return async (deliveries, signal) => {
      const begun = this.tick();
      const processed = await process(deliveries, signal);
      this.#note(processed, begun);
      return processed;
    };
  }

  /**
   * Asks the database itself, by an event that it should take: like the last one of its type that was stored, in EUR so that no
   * rates are needed, under new ids. Its time is that of the refused event, which may be what all events are refused for, but for
   * the part of a second: a unique index over player and time may have the stored one. One that is refused for its own sake tells
   * nothing.
   * @param elsewhere for an event whose own time may have no partition: the probe has that of the last one that was stored or, when
   * none was, this
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
      // Refused, or away: the batch is held.
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

/** `undefined` for a body that holds none. */
export function eventOf({ body }: Delivery): Event | undefined {
  try {
    const event = decodeEvent(body);
    return Array.isArray(event) ? undefined : event;
  } catch {
    return undefined;
  }
}
