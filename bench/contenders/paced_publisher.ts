/**
 * Our publisher's parts at a steady rate, open loop: each event is due at its own time, whether or not earlier events
 * are confirmed. `created_at` is the due time, to the microsecond, so that a publisher that falls behind shows as
 * latency.
 */
import { ConfirmPublisher } from "../../shared/rabbitmq/publish/publisher.ts";
import { eventTopology } from "../../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import { readConfig } from "../../shared/runtime/configuration/config.ts";
import { seededRandom, systemRandom } from "../../shared/runtime/random.ts";
import { silentLog as log } from "../../shared/runtime/telemetry/log.ts";
import { generateEvents } from "../../publisher/generator.ts";

const config = readConfig(
  ["RABBITMQ_URL", "EVENTS_EXCHANGE", "EVENTS_QUEUE", "DEAD_LETTER_QUEUE"],
  (name) => Deno.env.get(name),
);
const [perSecond = 0, seconds = 0, seed = 0] = Deno.args.map(Number);
const count = perSecond * seconds;
const random = seededRandom(seed);
const source = generateEvents({ random, players: 1_000, firstId: 1n, timeMs: () => clock.now() });
const publisher = new ConfirmPublisher({
  url: config.RABBITMQ_URL,
  name: "paced publisher",
  topology: eventTopology(config),
  clock,
  random: systemRandom,
  log,
});
while (!publisher.connected) await clock.sleep(10);

const begun = performance.now() + 100;
let sent = 0;
let confirmed = 0;
const settled = (error?: Error) => {
  if (error) throw error;
  confirmed++;
};
while (sent < count) {
  const now = performance.now();
  for (; sent < count && begun + sent * 1_000 / perSecond <= now; sent++) {
    const dueMs = performance.timeOrigin + begun + sent * 1_000 / perSecond;
    const wholeSeconds = Math.floor(dueMs / 1_000);
    const nanos = Math.floor((dueMs - wholeSeconds * 1_000) * 1_000) * 1_000;
    const { messageId, event } = source.next().value;
    const createdAt = { seconds: wholeSeconds, nanos };
    const body = encodeEvent({ ...event, createdAt });
    await publisher.room();
    publisher.send({ exchange: config.EVENTS_EXCHANGE, messageId, body, timestampMs: dueMs, appId: "bench" }, settled);
  }
  const nextMs = begun + sent * 1_000 / perSecond - performance.now();
  if (sent < count && nextMs > 0) await clock.sleep(nextMs);
}
await publisher.flush();
await publisher.close();
console.log(`confirmed ${confirmed}`);
