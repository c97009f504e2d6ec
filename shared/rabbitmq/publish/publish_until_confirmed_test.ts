import { deepStrictEqual } from "node:assert/strict";
import { seededRandom } from "../../runtime/random.ts";
import { RecordedLog } from "../../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { publishUntilConfirmed } from "./publish_until_confirmed.ts";
import { PublishError } from "./publisher.ts";

const message = { exchange: "dead", messageId: "1", body: new Uint8Array(3), timestampMs: 0, appId: "" };

/** @param reasons one failure each, in order; then the message is confirmed */
async function tryWith(reasons: readonly PublishError["reason"][]) {
  const clock = new VirtualClock();
  clock.sleep = () => Promise.resolve();
  const log = new RecordedLog();
  let tries = 0;
  const publish = () => {
    const reason = reasons[tries++];
    return reason ? Promise.reject(new PublishError(reason, message.messageId, "as scripted")) : Promise.resolve();
  };
  const options = { publisher: { publish }, clock, random: seededRandom(1), log };
  const moved = await publishUntilConfirmed(message, options, new AbortController().signal);
  return [moved, tries, log.entries.map(({ fields }) => fields["event"])];
}

Deno.test("publishUntilConfirmed() retries until the broker confirms", async () => {
  const again = "message.not_accepted";
  deepStrictEqual(await tryWith(["refused", "returned", "unconfirmed"]), ["confirmed", 4, [again, again, again]]);
});

Deno.test("publishUntilConfirmed() fails at once when no retry can succeed", async () => {
  for (const reason of ["unwritable", "unacceptable"] as const) {
    deepStrictEqual(await tryWith(["refused", reason]), [
      ...["impossible", 2],
      ["message.not_accepted", "message.left_to_broker"],
    ]);
  }
});
