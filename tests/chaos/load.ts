/**
 * Publishes valid and bad events at a steady rate. The ledger records each event before it is sent, and again when it
 * is confirmed.
 */
import { generateEvents } from "../../publisher/generator.ts";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import type { Headers } from "../../shared/rabbitmq/message.ts";
import { uuidv7 } from "../../shared/rabbitmq/message_id.ts";
import { areLarge } from "../../shared/rabbitmq/publish/dead_letters.ts";
import { ConfirmPublisher } from "../../shared/rabbitmq/publish/publisher.ts";
import { eventTopology } from "../../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { type Random, seededRandom } from "../../shared/runtime/random.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { bet } from "../fixtures/deliveries.ts";
import { queues } from "../harness/batch.ts";
import type { Attempt, Ledger } from "../harness/ledger.ts";
import { largeBodies, largeHeaders } from "./budgets.ts";

export interface LoadOptions {
  readonly url: string;
  readonly ledger: Ledger;
  /** Events per second. */
  readonly rate: number;
  readonly seed: number;
  readonly stop: AbortSignal;
}

interface Item extends Attempt {
  readonly body: Uint8Array;
  readonly headers?: Headers;
}

const tickMs = 20;
const players = 40;
/** Share of messages that are bad, and share that is sent twice under the same id. */
const [badShare, twiceShare] = [0.03, 0.01];
/** Share of valid and bad messages that have large headers, and share that has a large body. */
const [largeHeadersShare, largeBodyShare] = [0.002, 0.003];
/** Total size of the large bodies of a campaign, in bytes. */
const largeBodiesBytes = 41_943_040;

/** Publishes until `stop` is aborted, then waits for the confirms. */
export async function publishLoad({ url, ledger, rate, seed, stop }: LoadOptions): Promise<void> {
  const random = seededRandom(seed);
  const options = { url, name: "chaos", topology: eventTopology(queues), clock, random, log: silentLog };
  const publisher = new ConfirmPublisher({ ...options, giveUpAfterMs: 60_000 });
  const items = withBudgets(makeItems(random), random);
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
  await publisher.close();

  function send({ messageId, body, headers = {} }: Item): void {
    const alone = areLarge(headers);
    publisher.send(
      { exchange: queues.EVENTS_EXCHANGE, messageId, body, headers, alone, timestampMs: clock.now(), appId: "chaos" },
      (error) => !error && ledger.confirm(messageId),
    );
  }
}

function* makeItems(random: Random): Generator<Item, never> {
  const events = generateEvents({ random, players, firstId: 1n, timeMs: () => clock.now() });
  for (let n = 0n;; n++) {
    const { messageId, event } = events.next().value;
    if (random.next() >= badShare) {
      yield { messageId, event, reason: undefined, body: encodeEvent(event) };
      continue;
    }
    const id = uuidv7(clock.now(), random.bytes(10));
    const foreign = bet({ id: 2n ** 40n + n, currency: "XTS" });
    // The amount in EUR cents exceeds the range of its column.
    const poisonous = bet({ id: 2n ** 41n + n, currency: "GBP", amount: 2n ** 63n - 1n });
    const [reason, body] = [
      ["undecodable", Uint8Array.from([0xff, 0x01, 0x80, 0x80])] as const,
      ["invalid", new Uint8Array()] as const,
      ["unknown-currency", encodeEvent(foreign)] as const,
      ["store-rejected", encodeEvent(poisonous)] as const,
    ][random.int(0, 3)]!;
    yield { messageId: id, event: undefined, reason, body };
  }
}

function* withBudgets(items: Generator<Item, never>, random: Random): Generator<Item, never> {
  const drawBody = largeBodies(random, largeBodiesBytes);
  while (true) {
    const item: Item = items.next().value;
    const draw = random.next();
    const headers = draw < largeHeadersShare ? largeHeaders(random) : {};
    const large = draw > 1 - largeBodyShare ? drawBody() : undefined;
    if (large) yield { messageId: uuidv7(clock.now(), random.bytes(10)), event: undefined, ...large };
    yield { ...item, headers };
  }
}
