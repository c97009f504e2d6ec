/** Draws faults and runs them. */
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import type { Random } from "../../shared/runtime/random.ts";
import { delay } from "../../tools/services/server.ts";
import type { Draw, Fault } from "./fault.ts";
import type { Workers } from "./workers.ts";

const most = { faultMs: 8_000, gapMs: 2_500, atOnce: 3 };
const mostDraws = 10_000;

/** @param words that each fault's name must contain */
export function drawFrom(catalogue: readonly Draw[], words: string, random: Random): Draw {
  return () => {
    for (let tries = 0; tries < mostDraws; tries++) {
      const fault = catalogue[random.int(0, catalogue.length - 1)]!();
      if (fault.name.includes(words)) return fault;
    }
    throw new Error(`no fault has "${words}" in its name`);
  };
}

/**
 * Runs faults one after the other and side by side until the time is up and the last one is reverted.
 * @returns the number of faults
 */
export async function makeTrouble(
  draw: Draw,
  workers: Workers,
  random: Random,
  troubleMs: number,
  stop: AbortSignal,
  tell: (line: string) => void,
): Promise<number> {
  const claims = new Map<string, Promise<void>>();
  const until = clock.monotonic() + troubleMs;
  let count = 0;
  while (clock.monotonic() < until && !stop.aborted) {
    const fault = draw();
    const ms = random.int(100, most.faultMs);
    const gap = random.int(0, most.gapMs);
    if (!claims.has(fault.claim) && claims.size < most.atOnce) {
      count++;
      claims.set(fault.claim, inflict(fault, ms, tell).finally(() => claims.delete(fault.claim)));
    }
    await delay(gap);
    await workers.ensureAll();
  }
  await Promise.all(claims.values());
  return count;
}

async function inflict(fault: Fault, ms: number, tell: (line: string) => void): Promise<void> {
  tell(`begin ${fault.name}, ${ms} ms`);
  try {
    await fault.run(ms);
    tell(`end   ${fault.name}`);
  } catch (error) {
    // Another fault may have just hit the same server. The end of the campaign reverts both.
    tell(`could not ${fault.name}: ${messageOf(error).split("\n")[0]}`);
  }
}
