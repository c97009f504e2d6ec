import { deepStrictEqual, rejects } from "node:assert/strict";
import { ack } from "../../../shared/rabbitmq/outcome.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { bet, deliveryOf } from "../../../tests/fixtures/deliveries.ts";
import type { Process } from "../entry.ts";
import { lastMoment, lastMomentMs } from "./last_moment.ts";

const batch = [deliveryOf(bet()), deliveryOf(bet())];

/** Returns the outcomes of a batch that takes `ms` longer after its abort. */
async function abandonedWith(ms: number): Promise<string[]> {
  const [clock, abandon] = [new VirtualClock(), new AbortController()];
  const slow: Process = async (deliveries) => {
    await clock.sleep(1_000 + ms);
    return deliveries.map((delivery) => ({ delivery, facts: undefined, outcome: ack }));
  };
  const processing = lastMoment(clock)(slow)(batch, abandon.signal);
  await clock.advance(1_000);
  abandon.abort();
  await clock.advance(lastMomentMs);
  return (await processing).map(({ outcome }) => outcome.kind);
}

Deno.test("lastMoment() lets a batch finish that is nearly done, and requeues any other", async () => {
  deepStrictEqual(await abandonedWith(lastMomentMs - 1), ["ack", "ack"]);
  deepStrictEqual(await abandonedWith(3_600_000), ["requeue", "requeue"]);
});

Deno.test("lastMoment() rethrows the error of the process, also when abandoned", async () => {
  const clock = new VirtualClock();
  const failing: Process = () => Promise.reject(new Error("away"));
  await rejects(lastMoment(clock)(failing)(batch, new AbortController().signal), /away/);
  await rejects(lastMoment(clock)(failing)(batch, AbortSignal.abort()), /away/);
});
