/** Events that come all the time, with ids made from their content, as those of a publisher's file. */
import { ConfirmPublisher } from "../../../shared/rabbitmq/publisher.ts";
import { messageIdOfBody } from "../../../shared/rabbitmq/message_id.ts";
import { eventTopology } from "../../../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../../../shared/runtime/clock.ts";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import { seededRandom, systemRandom as random } from "../../../shared/runtime/random.ts";
import { silentLog } from "../../../shared/runtime/telemetry/log.ts";
import { msOfTimestamp } from "../../../shared/event/timestamp.ts";
import { generateEvents } from "../../../publisher/generator.ts";
import { queues } from "../../harness/batch.ts";
import type { Ledger } from "../../harness/ledger.ts";

/** Far from the ids of a batch. */
const firstId = 5_000_000n;
const pauseMs = 20;

export class Load {
  readonly #publisher: ConfirmPublisher;
  readonly #done: Promise<void>;
  #stopped = false;

  constructor(url: string, private readonly ledger: Ledger) {
    const topology = eventTopology(queues);
    this.#publisher = new ConfirmPublisher({ url, name: "load", topology, clock, random, log: silentLog });
    this.#done = this.#run();
  }

  /** All that was published is confirmed then. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    await this.#publisher.close();
  }

  async #run(): Promise<void> {
    const timeMs = (n: number) => Date.UTC(2024, 6, 1) + n;
    const events = generateEvents({ random: seededRandom(7), players: 20, firstId, timeMs });
    while (!this.#stopped) {
      for (let room; (room = this.#publisher.room());) await room;
      const { event } = events.next().value;
      const body = encodeEvent(event);
      const messageId = messageIdOfBody(body, msOfTimestamp(event.createdAt));
      this.ledger.attempt({ messageId, event, reason: undefined });
      this.#publisher.send(
        { exchange: queues.EVENTS_EXCHANGE, messageId, body, timestampMs: clock.now(), appId: "load" },
        (error) => !error && this.ledger.confirm(messageId),
      );
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    await this.#publisher.flush();
  }
}
