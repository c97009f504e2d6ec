/** Events from a source to the broker, with nothing lost unseen. */
import type { OutgoingMessage } from "../shared/amqp/message.ts";
import type { PublishError } from "../shared/amqp/publisher.ts";
import type { Clock } from "../shared/clock.ts";
import { encodeEvent } from "../shared/codec.ts";
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
    for await (const { messageId, event } of source) {
      await pace.due(stop);
      await sender.room();
      if (stop.aborted) break;
      tally.published++;
      sender.send(
        { exchange, messageId, body: encodeEvent(event), timestampMs: clock.now(), appId: "publisher" },
        settled,
      );
      if (tally.published === count) break;
    }
  }
  await sender.flush();
}
