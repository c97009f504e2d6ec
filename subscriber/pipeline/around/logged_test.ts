import { deepStrictEqual } from "node:assert/strict";
import { never } from "../../../shared/runtime/deadline.ts";
import { dead } from "../../../shared/rabbitmq/outcome.ts";
import { RecordedLog } from "../../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { bet, deliveryOf } from "../../../tests/fixtures/deliveries.ts";
import { decodeAll } from "../process_batch.ts";
import { logged } from "./logged.ts";

Deno.test("logged() tells of each dead letter which event it was, where the body holds one", async () => {
  const log = new RecordedLog();
  const batch = [deliveryOf(bet({ id: 7n }), "event"), deliveryOf(new Uint8Array([0xff]), "no event")];
  const process = logged(log, new VirtualClock())(() =>
    Promise.resolve(decodeAll(batch).map((entry) => ({ ...entry, outcome: dead("store-rejected", "too large") })))
  );
  await process(batch, never);
  const common = { event: "event.dead_lettered", reason: "store-rejected", detail: "too large" };
  deepStrictEqual(log.entries.map(({ fields }) => fields), [
    { ...common, messageId: "event", eventId: "7" },
    { ...common, messageId: "no event" },
  ]);
});
