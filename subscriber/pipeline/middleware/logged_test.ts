import { deepStrictEqual } from "node:assert/strict";
import { ack, dead, type Outcome } from "../../../shared/rabbitmq/outcome.ts";
import { never } from "../../../shared/runtime/deadline.ts";
import { bet, deliveryOf } from "../../../tests/fixtures/deliveries.ts";
import { RecordedLog } from "../../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { decodeAll } from "../process_batch.ts";
import { logged } from "./logged.ts";

/** Returns a process whose entries all end with `outcome`, and the fields of its log records. */
function logging(outcome: Outcome) {
  const [log, clock] = [new RecordedLog(), new VirtualClock()];
  const process = logged(log, clock)((deliveries) =>
    Promise.resolve(decodeAll(deliveries).map((entry) => ({ ...entry, outcome })))
  );
  return { clock, process, fields: () => log.entries.map(({ fields }) => fields) };
}

Deno.test("logged() names the event of each dead letter that has one", async () => {
  const { process, fields } = logging(dead("store-rejected", "too large"));
  await process([deliveryOf(bet({ id: 7n }), "event"), deliveryOf(new Uint8Array([0xff]), "no event")], never);
  const common = { event: "event.dead_lettered", reason: "store-rejected", detail: "too large" };
  deepStrictEqual(fields(), [
    { ...common, messageId: "event", eventId: "7" },
    { ...common, messageId: "no event" },
  ]);
});

Deno.test("logged() warns of players that are unknown, at once and then at most every ten seconds", async () => {
  const { clock, process, fields } = logging(ack);
  for (let batch = 0; batch <= 100; batch++) {
    await process([deliveryOf(bet({ playerId: 99n }), "event")], never);
    await clock.advance(100);
  }
  const common = { event: "player.unknown", players: ["99"], eventId: "1", messageId: "event" };
  deepStrictEqual(fields(), [{ ...common, events: 1 }, { ...common, events: 100 }]);
});
