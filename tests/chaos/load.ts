/** Events at a steady rate, good ones and bad ones, each entered in the ledger before it is sent and when it is confirmed. */
import { uuidv7 } from "../../shared/rabbitmq/message_id.ts";
import type { ConfirmPublisher } from "../../shared/rabbitmq/publisher.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import type { Random } from "../../shared/runtime/random.ts";
import { generateEvents } from "../../publisher/generator.ts";
import { bet } from "../fixtures/deliveries.ts";
import type { Attempt, Ledger } from "../harness/ledger.ts";

export interface LoadOptions {
  readonly publisher: ConfirmPublisher;
  readonly exchange: string;
  readonly ledger: Ledger;
  /** Events a second. */
  readonly rate: number;
  readonly random: Random;
  readonly clock: Clock;
  readonly stop: AbortSignal;
}

interface Item extends Attempt {
  readonly body: Uint8Array;
}

const tickMs = 20;
const players = 40;
/** Shares of the messages that are bad, and that are sent twice under the same id. */
const [badShare, twiceShare] = [0.03, 0.01];

/** Publishes until `stop` is aborted, then waits for the confirms. */
export async function publishLoad({ publisher, exchange, ledger, rate, random, clock, stop }: LoadOptions) {
  const items = makeItems(random, clock);
  const begun = clock.monotonic();
  for (let sent = 0; !stop.aborted;) {
    const due = Math.floor((clock.monotonic() - begun) / 1_000 * rate);
    for (; sent < due && !stop.aborted; sent++) {
      await publisher.room();
      const item: Item = items.next().value;
      ledger.attempt(item);
      for (let copies = random.next() < twiceShare ? 2 : 1; copies > 0; copies--) send(item);
    }
    await clock.sleep(tickMs, stop).catch(() => {});
  }
  await publisher.flush();

  function send({ messageId, body }: Item): void {
    publisher.send(
      { exchange, messageId, body, timestampMs: clock.now(), appId: "chaos" },
      (error) => !error && ledger.confirm(messageId),
    );
  }
}

function* makeItems(random: Random, clock: Clock): Generator<Item, never> {
  const events = generateEvents({ random, players, firstId: 1n, timeMs: () => clock.now() });
  for (let n = 0n;; n++) {
    const { messageId, event } = events.next().value;
    if (random.next() >= badShare) {
      yield { messageId, event, reason: undefined, body: encodeEvent(event) };
      continue;
    }
    const id = uuidv7(clock.now(), random.bytes(10));
    const foreign = bet({ id: 2n ** 40n + n, currency: "XTS" });
    yield [
      { messageId: id, event: undefined, reason: "undecodable", body: Uint8Array.from([0xff, 0x01, 0x80, 0x80]) },
      { messageId: id, event: undefined, reason: "invalid", body: new Uint8Array() },
      { messageId: id, event: undefined, reason: "unknown-currency", body: encodeEvent(foreign) },
    ][random.int(0, 2)]!;
  }
}
