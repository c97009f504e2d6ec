import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { seededRandom } from "../runtime/random.ts";
import { RecordedLog } from "../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import type { OutgoingMessage } from "./message.ts";
import { publishUntilConfirmed } from "./publish_until_confirmed.ts";
import { PublishError } from "./publisher.ts";

Deno.test("publishUntilConfirmed() sends a message that cannot be written as it came with our own headers alone", async () => {
  const clock = new VirtualClock();
  clock.sleep = () => Promise.resolve();
  const tried: OutgoingMessage[] = [];
  const reasons = ["refused", "unwritable", "refused"] as const;
  const publish = (message: OutgoingMessage) => {
    const reason = reasons[tried.push(message) - 1];
    return reason ? Promise.reject(new PublishError(reason, message.messageId, "as scripted")) : Promise.resolve();
  };
  const kept = { exchange: "dead", messageId: "1", body: new Uint8Array(3) };
  const asItCame = {
    ...kept,
    headers: { ours: 1, theirs: -1e300 },
    timestampMs: 2 ** 70,
    appId: "theirs",
    properties: { type: "Theirs" },
  };
  const confirmed = await publishUntilConfirmed(
    { ...asItCame, ownHeaders: { ours: 1 } },
    { publisher: { publish }, clock, random: seededRandom(1), log: new RecordedLog() },
    new AbortController().signal,
  );
  strictEqual(confirmed, true);
  const ours = { ...kept, headers: { ours: 1 }, properties: undefined, timestampMs: clock.now(), appId: "" };
  deepStrictEqual(tried, [asItCame, asItCame, ours, ours]);
});
