/** Events from a source to the broker, with nothing lost unseen. */
import type { OutgoingMessage } from "../shared/rabbitmq/message.ts";
import type { PublishError } from "../shared/rabbitmq/publisher.ts";
import type { Clock } from "../shared/runtime/clock.ts";
import { encodeEvent } from "../shared/event/protobuf.ts";
import type { Generated } from "./generator.ts";
import { Pace } from "./pace.ts";

/** What the publisher needs of a broker. */
export interface ConfirmedSender {
  room(): Promise<void> | undefined;
  send(message: OutgoingMessage, settled: (error?: PublishError) => void): void;
  flush(): Promise<void>;
}

export interface PublishOptions {
  readonly source: AsyncIterable<Generated> | Iterable<Generated>;
  readonly sender: ConfirmedSender;
  readonly exchange: string;
  /** Most events; `undefined`: until the source ends. */
  readonly count: number | undefined;
  /** Events a second; `undefined`: as fast as it goes. */
  readonly rate: number | undefined;
  readonly clock: Clock;
  readonly tally: Tally;
  readonly onFailure: (error: PublishError) => void;
  /** Ends publishing; what was sent is still waited for. */
  readonly stop: AbortSignal;
}

/** Counts while it goes on, for those who show it. */
export class Tally {
  published = 0;
  confirmed = 0;
  /** Not accepted because no queue is bound. */
  returned = 0;
  /** Not accepted for another reason. */
  failed = 0;
}

/** Publishes until the source ends, the count is reached or `stop` is aborted, and waits for every confirm. */
export async function publishEvents(options: PublishOptions): Promise<void> {
  const { source, sender, exchange, count, rate, clock, tally, onFailure, stop } = options;
  const pace = new Pace(rate, clock);
  const settled = (error?: PublishError) => {
    if (!error) tally.confirmed++;
    else if (error.reason === "returned") tally.returned++;
    else tally.failed++;
    if (error) onFailure(error);
  };
  if (count !== 0) {
    await untilDue();
    for await (const { messageId, event } of source) {
      if (stop.aborted) break;
      tally.published++;
      // By player, so that all events of one stay together where there are several queues: docs/scale.md.
      const routingKey = String(event.playerId);
      const body = encodeEvent(event);
      sender.send({ exchange, routingKey, messageId, body, timestampMs: clock.now(), appId: "publisher" }, settled);
      if (tally.published === count) break;
      const waiting = untilDue();
      if (waiting) await waiting;
    }
  }
  await sender.flush();

  /**
   * Before the next event is made, so that its time is that of its publication. `undefined` when nothing is to be waited for:
   * a promise for each message would cost it more than that.
   */
  function untilDue(): Promise<void> | undefined {
    const due = pace.due(stop);
    const room = sender.room();
    return due && room ? due.then(() => room) : due ?? room;
  }
}
