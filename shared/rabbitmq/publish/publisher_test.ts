import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { seededRandom } from "../../runtime/random.ts";
import { silentLog as log } from "../../runtime/telemetry/log.ts";
import { ConfirmPublisher } from "./publisher.ts";

Deno.test("ConfirmPublisher sets no timer without messages, and gives each message up at its deadline", async () => {
  const clock = new VirtualClock();
  const publisher = new ConfirmPublisher({
    ...{ url: "amqp://nowhere", name: "test", topology: [], clock, random: seededRandom(1), log },
    ...{ connect: () => new Promise(() => {}), giveUpAfterMs: 1_000 },
  });
  await clock.advance(5_000);
  strictEqual(clock.sleepers, 0);
  const given: (string | number | undefined)[] = [];
  for (const messageId of ["a", "b"]) {
    publisher.send({ exchange: "e", messageId, body: new Uint8Array(), timestampMs: 0, appId: "test" }, (error) => {
      given.push(error?.messageId, error?.reason, clock.monotonic());
    });
    await clock.advance(5_000);
    strictEqual(clock.sleepers, 0);
  }
  deepStrictEqual(given, ["a", "unconfirmed", 6_000, "b", "unconfirmed", 11_000]);
});
