import type { MemoryQueue } from "../../../shared/rabbitmq/memory_queue.ts";
import type { OutgoingMessage } from "../../../shared/rabbitmq/message.ts";
import type { PublishError } from "../../../shared/rabbitmq/publish/publisher.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import type { ConfirmedSender } from "../../../publisher/publish.ts";

/**
 * Most events in the queue and in the subscribers' hands. On a busy machine the publisher slows down to the database's
 * speed, so that no event waits for long.
 */
const mostUnprocessed = 3_000;
/** After this many messages the publisher yields to the rest of the process, which waits for network responses. */
const turnEvery = 100;
const pollMs = 5;

/** The publisher's end of a {@linkcode MemoryQueue}; the queue has each message as soon as it is sent. */
export class MemorySender implements ConfirmedSender {
  #sinceTurn = 0;

  /** @param stop ends every wait */
  constructor(
    private readonly queue: MemoryQueue,
    private readonly clock: Clock,
    private readonly stop: AbortSignal,
  ) {}

  room(): Promise<void> | undefined {
    return this.#sinceTurn < turnEvery ? undefined : this.#turn();
  }

  send(
    { messageId, body, headers = {}, appId, timestampMs }: OutgoingMessage,
    settled: (error?: PublishError) => void,
  ) {
    this.#sinceTurn++;
    this.queue.publish({ messageId, body, headers, appId, timestampMs });
    settled();
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  async #turn(): Promise<void> {
    this.#sinceTurn = 0;
    let waitMs = 0;
    do {
      await this.clock.sleep(waitMs, this.stop).catch(() => {});
      waitMs = pollMs;
    } while (this.queue.ready + this.queue.unsettled > mostUnprocessed && !this.stop.aborted);
  }
}
