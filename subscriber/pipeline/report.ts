/** Stored events as JSON lines, one write for each batch. */
import { messageOf } from "../../shared/runtime/errors.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import { jsonLine } from "../enriched/json_line.ts";
import type { Report } from "./edges.ts";

export interface Output {
  write(bytes: Uint8Array): Promise<number>;
}

/** Writes to `output`, one batch after the other. When the reader has closed it, logs that once and writes no more. */
export function reportLines(output: Output, log: Log): Report {
  const encoder = new TextEncoder();
  let last: Promise<void> = Promise.resolve();
  let closed = false;

  async function writeAll(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length && !closed;) done += await output.write(bytes.subarray(done));
    } catch (error) {
      closed = true;
      log.error("The reader of stdout has gone; events are no longer written there", {
        event: "report.closed",
        problem: messageOf(error),
      });
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
