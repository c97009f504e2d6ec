import { strictEqual } from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { ChannelModel } from "amqplib";
import { seededRandom } from "../runtime/random.ts";
import { RecordedLog } from "../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { keepConnected } from "./connection.ts";

/** @returns how often it dialled in a minute in which each connection is used for so long, and then lost, or left open */
async function dialsInAMinute(usedForMs: number, lost = false): Promise<number> {
  const clock = new VirtualClock();
  const stop = new AbortController();
  let dials = 0;
  let connection = new EventEmitter();
  const connect = () => {
    dials++;
    connection = new EventEmitter();
    return Promise.resolve(
      Object.assign(connection, { close: () => Promise.resolve() }) as unknown as ChannelModel,
    );
  };
  const options = {
    url: "amqp://broker",
    name: "test",
    clock,
    random: seededRandom(1),
    log: new RecordedLog(),
    connect,
  };
  const use = async () => {
    await clock.sleep(usedForMs, stop.signal);
    if (lost) connection.emit("close", new Error("reset"));
    throw new Error("the queue is not there");
  };
  const kept = keepConnected(options, use, stop.signal);
  for (let passed = 0; passed < 60_000; passed += 10) await clock.advance(10);
  stop.abort();
  await clock.advance(10_000);
  await kept;
  return dials;
}

Deno.test("keepConnected() comes back ever more slowly while each connection fails, or is lost, as soon as it is used", async () => {
  for (const lost of [false, true]) {
    const dials = await dialsInAMinute(10, lost);
    strictEqual(dials >= 10 && dials <= 30, true, `${dials} in a minute`);
  }
});

Deno.test("keepConnected() comes back soon after a connection that had worked, or was lost", async () => {
  for (const [usedForMs, lost] of [[1_500, false], [100, true]] as const) {
    const dials = await dialsInAMinute(usedForMs, lost);
    strictEqual(dials >= 60_000 / (usedForMs + 200), true, `${dials} in a minute`);
  }
});
