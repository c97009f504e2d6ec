/** `deno task status` */
import { untilAborted } from "../../shared/runtime/deadline.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";
import { onShutdownSignal } from "../../shared/runtime/shutdown.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { queuesReader, ratesReader, reportsReader, totalsReader } from "./readers.ts";
import { drawStatus } from "./screen.ts";
import { allAnswer, readStatus, type Status } from "./status.ts";
import { Progress } from "./progress.ts";
import { printableJson } from "../../shared/runtime/printable.ts";

const fallbackSeconds = 2;
const mostSeconds = 86_400;
/** Longest time for closing the connections. */
const closeMs = 1_000;

await runCommand({
  name: "deno task status",
  summary: "Shows the whole system on one screen: queues, lag, subscribers, cached rates and their lock, totals.\n" +
    "If a server does not answer, the screen names it and shows the others, and the exit status is 1.",
  operands: "[SECONDS]",
  flags: {
    watch: { short: "w", help: `refresh every SECONDS [${fallbackSeconds}] until interrupted` },
    json: { help: "print one JSON object; with --watch, one per line" },
  },
  settings: [
    ...["RABBITMQ_URL", "EVENTS_EXCHANGE", "EVENTS_QUEUE", "EVENTS_SHARDS", "DEAD_LETTER_QUEUE"] as const,
    ...["REDIS_URL", "REDIS_KEY_PREFIX", "DATABASE_URL"] as const,
  ],
  examples: [
    "deno task status",
    "deno task status --watch",
    "deno task status --watch 10",
    "deno task status --json | jq .lag.messages",
  ],
}, async ({ flags: { watch, json }, operands, config }) => {
  const everyMs = secondsOf(operands, watch) * 1_000;
  const readers = {
    queues: queuesReader(config, clock),
    rates: ratesReader(config, clock),
    totals: totalsReader(config, clock),
    reports: reportsReader(config, clock),
  };
  using shutdown = onShutdownSignal(0, silentLog);
  const interrupted = untilAborted(shutdown.stop);
  const show = json ? (status: Status) => console.log(printableJson(JSON.stringify(status))) : screen(watch);
  const progress = new Progress(clock);
  let well = true;
  do {
    const status = await Promise.race([readStatus(readers, clock, progress), interrupted]);
    if (!status) break;
    well = allAnswer(status);
    show(status);
    if (watch) await clock.sleep(everyMs, shutdown.stop).catch(() => {});
  } while (watch && !shutdown.stop.aborted);
  await Promise.race([
    Promise.allSettled(Object.values(readers).map((reader) => reader.close())),
    clock.sleep(closeMs),
  ]);
  return well ? 0 : 1;
});

function secondsOf([seconds, ...surplus]: readonly string[], watch: boolean): number {
  if (seconds === undefined) return fallbackSeconds;
  if (!watch) throw new UsageError(`status takes a number of seconds only with --watch, but was given "${seconds}"`);
  if (surplus.length > 0) {
    throw new UsageError(`--watch takes one number of seconds; "${surplus[0]}" is a second operand`);
  }
  const number = Number(seconds);
  if (!/^\d+(\.\d+)?$/.test(seconds) || number < 0.1 || number > mostSeconds) {
    throw new UsageError(`--watch ${seconds} must be a number of seconds from 0.1 to ${mostSeconds}`);
  }
  return number;
}

/** On a terminal, each status replaces the previous one. */
function screen(watch: boolean): (status: Status) => void {
  if (!Deno.stdout.isTerminal()) {
    return (status) => console.log(drawStatus(status, { colours: false }) + (watch ? "\n" : ""));
  }
  // NO_COLOR turns colours off (no-color.org).
  const colours = !Deno.noColor;
  let drawn = false;
  return (status) => {
    const text = drawStatus(status, { colours, width: Deno.consoleSize().columns });
    if (!watch) return console.log(text);
    // Redraws line by line from the top, and clears the end of each line: no flicker.
    console.log(`${drawn ? "\x1b[H" : "\x1b[2J\x1b[H"}${text.replaceAll("\n", "\x1b[K\n")}\x1b[K\x1b[J`);
    drawn = true;
  };
}
