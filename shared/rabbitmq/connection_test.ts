import { rejects, strictEqual } from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { ChannelModel } from "amqplib";
import { PermanentError } from "../runtime/errors.ts";
import { seededRandom } from "../runtime/random.ts";
import { RecordedLog } from "../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { keepConnected } from "./connection.ts";

/**
 * @param usedForMs how long each connection is used
 * @param lost whether it is then lost; otherwise it stays open
 * @returns the number of connection attempts in a minute
 */
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

Deno.test("keepConnected() backs off while connections fail, or are lost as soon as they are used", async () => {
  for (const lost of [false, true]) {
    const dials = await dialsInAMinute(10, lost);
    strictEqual(dials >= 10 && dials <= 30, true, `${dials} in a minute`);
  }
});

Deno.test("keepConnected() reconnects soon after it loses a connection that worked", async () => {
  for (const [usedForMs, lost] of [[1_500, false], [100, true]] as const) {
    const dials = await dialsInAMinute(usedForMs, lost);
    strictEqual(dials >= 60_000 / (usedForMs + 200), true, `${dials} in a minute`);
  }
});

/** @returns when connections were attempted to a broker whose address answers as `isThere` says and that takes none */
async function dialsTo(isThere: (ms: number) => boolean, error: Error): Promise<number[]> {
  const [clock, stop, dials] = [new VirtualClock(), new AbortController(), [] as number[]];
  const kept = keepConnected(
    {
      ...{ url: "amqp://broker", name: "test", clock, random: seededRandom(1), log: new RecordedLog() },
      isThere: () => Promise.resolve(isThere(clock.monotonic())),
      connect: () => {
        dials.push(clock.monotonic());
        return Promise.reject(error);
      },
    },
    () => Promise.resolve(),
    stop.signal,
  );
  await clock.advance(60_000);
  stop.abort();
  await clock.advance(0);
  await kept;
  return dials;
}

Deno.test("keepConnected() connects within 250 ms of a broker's return, and retries soon after a failure", async () => {
  const away = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  for (const error of [away, new Error("Socket closed abruptly during opening handshake")]) {
    const dials = await dialsTo((ms) => ms >= 30_000, error);
    const [before, after] = [dials.filter((ms) => ms < 30_000), dials.filter((ms) => ms >= 30_000)];
    strictEqual(before.length <= 15, true, `${before.length} in half a minute`);
    strictEqual(after[0]! <= 30_250 && after[2]! <= 31_250, true, `${after}`);
  }
});

Deno.test("keepConnected() backs off from a broker that listens but accepts no connection", async () => {
  const dials = await dialsTo(() => true, new Error("connection.open: vhost is down"));
  strictEqual(dials.length <= 25, true, `${dials.length} in a minute`);
});

/** A broker that rejects logins during an interval. The first connection is lost after 5 s. */
function connected(refusesFromMs: number, refusesToMs: number, use?: (clock: VirtualClock) => Promise<void>) {
  const clock = new VirtualClock();
  const log = new RecordedLog();
  const stop = new AbortController();
  let connections = 0;
  const connect = () => {
    const now = clock.monotonic();
    if (now >= refusesFromMs && now < refusesToMs) return Promise.reject(new PermanentError("ACCESS_REFUSED"));
    const connection = Object.assign(new EventEmitter(), { close: () => Promise.resolve() });
    if (++connections === 1) clock.sleep(5_000).then(() => connection.emit("close", new Error("reset")));
    return Promise.resolve(connection as unknown as ChannelModel);
  };
  const options = { url: "amqp://broker", name: "test", clock, random: seededRandom(1), log, connect };
  const wait = (lost: AbortSignal) => clock.sleep(Infinity, AbortSignal.any([lost, stop.signal]));
  const kept = keepConnected(options, (_, lost) => use?.(clock) ?? wait(lost), stop.signal);
  kept.catch(() => {});
  return { clock, log, stop, kept, connections: () => connections };
}

async function advance(clock: VirtualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) await clock.advance(100);
}

Deno.test("keepConnected() gives up when the broker refuses the first login or the first request", async () => {
  await rejects(connected(0, Infinity).kept, /ACCESS_REFUSED/);
  const { clock, kept } = connected(Infinity, Infinity, async (clock) => {
    await clock.sleep(4_000);
    throw new PermanentError("other properties");
  });
  await clock.advance(4_000);
  await rejects(kept, /other properties/);
});

Deno.test("keepConnected() retries a login that worked before, and logs the refusal as an error", async () => {
  const { clock, log, stop, kept, connections } = connected(5_000, 5 * 60_000);
  await advance(clock, 6 * 60_000);
  strictEqual(connections(), 2);
  const told = log.of("broker.refusing");
  strictEqual(told.length, log.entries.filter(({ level }) => level === "error").length);
  strictEqual(told.length >= 60, true, `${told.length} times in 5 minutes`);
  stop.abort();
  await clock.advance(10_000);
  await kept;
});

Deno.test("keepConnected() gives up a proven login after the broker has refused it for 10 minutes", async () => {
  const { clock, kept } = connected(5_000, Infinity);
  let ended = false;
  kept.catch(() => ended = true);
  await advance(clock, 5_000 + 10 * 60_000 - 100);
  strictEqual(ended, false);
  await advance(clock, 6_000);
  await rejects(kept, /ACCESS_REFUSED/);
});
