/** Progress of a run: a bar on a terminal, else a line every few seconds. */
import type { Clock } from "../shared/runtime/clock.ts";
import type { Tally } from "./publish.ts";

export interface ProgressOptions {
  readonly tally: Tally;
  /** How many events there will be; `undefined`: not known. */
  readonly total: number | undefined;
  readonly isTerminal: boolean;
  /** Why nothing moves, such as a broker that blocks publishers. */
  readonly obstacle: () => string | undefined;
  readonly write: (text: string) => void;
  readonly clock: Clock;
}

const [redrawMs, lineMs] = [100, 5_000];
const barWidth = 30;

/** Shows progress until the signal is aborted. */
export async function showProgress(options: ProgressOptions, signal: AbortSignal): Promise<void> {
  const { isTerminal, write, clock } = options;
  const begun = clock.monotonic();
  while (true) {
    await clock.sleep(isTerminal ? redrawMs : lineMs, signal).catch(() => {});
    if (signal.aborted) break;
    const seconds = (clock.monotonic() - begun) / 1000;
    write(isTerminal ? `\r\x1b[K${bar(options, seconds)}` : `${line(options, seconds)}\n`);
  }
  if (isTerminal) write("\r\x1b[K");
}

/** The closing words. @param seconds how long it took */
export function summary({ published, confirmed, returned, failed }: Tally, seconds: number, badLines: number): string {
  const rate = seconds > 0 ? Math.round(confirmed / seconds) : 0;
  const skipped = badLines > 0 ? `, ${badLines} bad lines skipped` : "";
  return `published ${published}, confirmed ${confirmed}, returned ${returned}, failed ${failed}${skipped}; ` +
    `${rate} events/s over ${seconds.toFixed(1)} s`;
}

function bar(options: ProgressOptions, seconds: number): string {
  const { tally, total } = options;
  if (total === undefined) return line(options, seconds);
  const share = total === 0 ? 1 : Math.min(1, tally.confirmed / total);
  const filled = Math.round(share * barWidth);
  return `${"█".repeat(filled)}${"░".repeat(barWidth - filled)} ${Math.floor(share * 100)} %  ${
    line(options, seconds)
  }`;
}

function line({ tally, total, obstacle }: ProgressOptions, seconds: number): string {
  const of = total === undefined ? "" : ` of ${total}`;
  const problem = obstacle();
  return `${tally.confirmed}${of} confirmed, ${
    tally.published - tally.confirmed - tally.returned - tally.failed
  } in flight, ` +
    `${Math.round(tally.confirmed / Math.max(seconds, 0.001))} events/s${problem ? `; waiting: ${problem}` : ""}`;
}
