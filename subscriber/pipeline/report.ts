/** Stored events as JSON lines, one write for each batch. */
import { messageOf } from "../../shared/runtime/errors.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import type { Enriched } from "../enriched/enriched.ts";
import { jsonLine } from "../enriched/json_line.ts";

export type Report = (events: readonly Enriched[]) => Promise<void>;

export interface Output {
  write(bytes: Uint8Array): Promise<number>;
}

/** Writes to `output`, one batch after the other. When nobody reads it any more, says so once and goes on without. */
export function reportLines(output: Output, log: Log): Report {
  const encoder = new TextEncoder();
  let last: Promise<void> = Promise.resolve();
  let closed = false;

  async function writeAll(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length && !closed;) done += await output.write(bytes.subarray(done));
    } catch (error) {
      closed = true;
      log.error("Nobody reads the events on stdout any more; going on without", { problem: messageOf(error) });
    }
  }

  return (events) => {
    if (closed) return last;
    let lines = "";
    for (const enriched of events) lines += jsonLine(enriched);
    return last = last.then(() => writeAll(encoder.encode(lines)));
  };
}

export const reportNothing: Report = () => Promise.resolve();
