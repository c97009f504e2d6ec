/** Whether the database takes events at all: what tells a poisonous event from a schema that refuses everything. */
import type { Event } from "../../shared/event/event.ts";
import { decodeEvent, encodeEvent } from "../../shared/event/protobuf.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { messageIdOfBody } from "../../shared/rabbitmq/message_id.ts";
import type { Random } from "../../shared/runtime/random.ts";
import { isNew, type Process } from "./entry.ts";

/** Event ids that no casino counts up to. */
const firstProbeId = 2n ** 62n;
/** Of a probe while nothing is stored yet. */
const somePlayerId = 1n;
const someGameId = 100n;

/** Shared by all batches of a subscriber. */
export class Evidence {
  #ticks = 0;
  /** When the latest attempt began that stored an event. */
  #takenAt = 0;
  #lastStored: Event | undefined;

  /** @param rehearse what becomes of a delivery in the database, which is undone */
  constructor(private readonly rehearse: Process, private readonly random: Random) {}

  /** A moment later than any before. */
  tick(): number {
    return ++this.#ticks;
  }

  /** Whether an attempt that began after that moment stored an event. */
  since(moment: number): boolean {
    return this.#takenAt > moment;
  }

  /** Watches the attempts of all batches. */
  watch(process: Process): Process {
    return async (deliveries, signal) => {
      const begun = this.tick();
      const processed = await process(deliveries, signal);
      const stored = processed.find(isNew);
      if (stored) {
        this.#takenAt = Math.max(this.#takenAt, begun);
        this.#lastStored = stored.facts?.event;
      }
      return processed;
    };
  }

  /**
   * Asks the database itself, by an event that it should take: like the last one that was stored, in EUR so that no rates are
   * needed, under new ids. Its time is that of the refused event, which may need a partition that is missing.
   * @returns whether it was taken; an event that is refused for its own sake tells nothing
   */
  async probe(refused: Delivery, signal: AbortSignal): Promise<boolean> {
    const begun = this.tick();
    try {
      const [probed] = await this.rehearse([this.#probeFor(refused)], signal);
      if (probed?.outcome.kind !== "ack") return false;
    } catch {
      return false;
    }
    this.#takenAt = Math.max(this.#takenAt, begun);
    return true;
  }

  #probeFor({ body }: Delivery): Delivery {
    const refused = decodeEvent(body);
    const createdAt = Array.isArray(refused) ? { seconds: 0, nanos: 0 } : refused.createdAt;
    const some: Event = this.#lastStored ??
      { type: "game_start", id: firstProbeId, playerId: somePlayerId, gameId: someGameId, createdAt };
    const id = firstProbeId + BigInt(this.random.int(0, 2 ** 48));
    const event = { ...some, id, createdAt, ...("currency" in some && { currency: "EUR" }) } as Event;
    const probe = encodeEvent(event);
    return {
      ...{ messageId: messageIdOfBody(probe, 0), body: probe, headers: {} },
      ...{ appId: undefined, timestampMs: undefined },
    };
  }
}
