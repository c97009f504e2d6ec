import type { ConfirmPublisher } from "../../shared/rabbitmq/publisher.ts";
import { uuidv7 } from "../../shared/rabbitmq/message_id.ts";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import { generateEvents } from "../../publisher/generator.ts";
import { bet } from "../fixtures/deliveries.ts";
import type { Published } from "./ledger.ts";
import { names } from "./names.ts";
import type { World } from "./world.ts";

const count = 60;
const badShare = 0.1;

/** Publishes good and bad events over the time of trouble, and waits for their confirms. */
export async function publishOverTime(world: World, publisher: ConfirmPublisher, troubleMs: number): Promise<void> {
  const { clock, random, ledger } = world;
  const events = generateEvents({ random, players: 8, firstId: 1n, timeMs: () => clock.now() });
  for (let n = 0; n < count; n++) {
    await clock.sleep(random.int(0, 2 * (troubleMs - 5_000) / count));
    await publisher.room();
    const { event } = events.next().value;
    const messageId = uuidv7(n, random.bytes(10));
    const [published, body] = random.next() < badShare ? bad(n) : [{ event }, encodeEvent(event)];
    ledger.published.set(messageId, published);
    publisher.send(
      { exchange: names.EVENTS_EXCHANGE, messageId, body, timestampMs: clock.now(), appId: "simulation" },
      (error) => !error && ledger.confirmed.add(messageId),
    );
  }
  await publisher.flush();
}

function bad(n: number): [Published, Uint8Array] {
  if (n % 3 === 0) return [{ reason: "undecodable" }, Uint8Array.from([0xff, 0x01, 0x80])];
  if (n % 3 === 1) return [{ reason: "invalid" }, new Uint8Array()];
  return [{ reason: "unknown-currency" }, encodeEvent(bet({ id: 1_000_000n + BigInt(n), currency: "XTS" }))];
}
