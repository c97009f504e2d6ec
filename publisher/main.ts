/** The publisher's process. */
import { ConfirmPublisher } from "../shared/rabbitmq/publish/publisher.ts";
import { eventRouting } from "../shared/rabbitmq/shards.ts";
import { eventTopology } from "../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../shared/runtime/clock.ts";
import { runCommand, UsageError } from "../shared/runtime/configuration/command.ts";
import { messageOf } from "../shared/runtime/errors.ts";
import { eventToJson } from "../shared/event/json.ts";
import { seededRandom, systemRandom } from "../shared/runtime/random.ts";
import { onShutdownSignal } from "../shared/runtime/shutdown.ts";
import { openTracing } from "../shared/runtime/telemetry/deno_tracing.ts";
import { configureLog, getLog } from "../shared/runtime/telemetry/log.ts";
import { type Generated, generateEvents } from "./generator.ts";
import { describeBadLine, isBadLine, readEvents } from "./ndjson_input.ts";
import { publishEvents, showProgress, summary, Tally } from "./publish.ts";
import { printableJson } from "../shared/runtime/printable.ts";
import { traced } from "./traced.ts";

const billion = 1_000_000_000;
/** With a seed the times repeat too: one second between events, from the day of the mock's rates. */
const seededStartMs = Date.UTC(2024, 5, 28);
/** More failures would scroll the first ones off the screen. */
const mostFailuresShown = 10;

await runCommand({
  name: "deno task publisher",
  summary: "Publishes casino events to RabbitMQ, generated or from a file. The broker confirms each event.",
  flags: {
    count: {
      short: "n",
      value: "N",
      help: "number of events; without --count and --duration, until interrupted",
      integer: { min: 0, max: billion },
    },
    rate: { value: "N", help: "events a second [no limit]", integer: { min: 1, max: 1_000_000 } },
    duration: { value: "SECONDS", help: "stop after SECONDS", integer: { min: 1, max: 31_536_000 } },
    seed: {
      value: "N",
      help: "seed of the generator: the same N gives the same events, ids and times",
      integer: { min: 0, max: 2 ** 32 - 1 },
    },
    players: { value: "N", help: "number of players, with ids from 10 [10]", integer: { min: 1, max: billion } },
    input: { short: "i", value: "FILE", help: "publish the events in FILE, one JSON object per line; - reads stdin" },
    "dry-run": { help: "write the events to stdout as JSON lines instead of publishing them" },
  },
  settings: [
    "RABBITMQ_URL",
    "TOPOLOGY",
    "EVENTS_EXCHANGE",
    "EVENTS_QUEUE",
    "EVENTS_SHARDS",
    "DEAD_LETTER_QUEUE",
    "SHUTDOWN_GRACE_MS",
    "LOG_LEVEL",
  ],
  examples: [
    "deno task publisher --count 1000",
    "deno task publisher --rate 50 --duration 60",
    "deno task publisher --input samples/events.ndjson",
    "deno task publisher --count 10 --seed 7 --dry-run",
  ],
}, async ({ flags, config }) => {
  if (flags.input !== undefined && (flags.seed !== undefined || flags.players !== undefined)) {
    throw new UsageError("--seed and --players cannot be used with --input, which reads the events from a file");
  }
  await configureLog({ level: config.LOG_LEVEL, member: "publisher" });
  const log = getLog("publisher");
  using shutdown = onShutdownSignal(config.SHUTDOWN_GRACE_MS, log);
  const refused = new AbortController();
  const stop = AbortSignal.any([
    ...[shutdown.stop, refused.signal],
    ...flags.duration === undefined ? [] : [AbortSignal.timeout(flags.duration * 1000)],
  ]);

  let badLines = 0;
  let unread = false;
  const source = flags.input === undefined ? generated(flags) : await fromFile(flags.input);

  if (flags["dry-run"]) {
    await printEvents(source, flags.count, stop);
    return badLines > 0 || unread ? 1 : 0;
  }

  const tally = new Tally();
  let blocked: string | undefined;
  const publisher = new ConfirmPublisher({
    url: config.RABBITMQ_URL,
    name: "casino publisher",
    topology: eventTopology(config),
    clock,
    random: systemRandom,
    log,
    onBlocked: (reason) => blocked = reason,
  });
  publisher.finished.catch((error) => {
    log.error("The broker rejected the login, a permission or the topology; shutting down", {
      event: "broker.refused",
      problem: messageOf(error),
    });
    refused.abort(error);
  });
  // While the broker is away, the publisher would wait for confirms for ever.
  shutdown.abandon.addEventListener("abort", () => publisher.close(0));
  const showing = new AbortController();
  const progress = showProgress({
    tally,
    total: flags.count,
    isTerminal: Deno.stderr.isTerminal(),
    obstacle: () => blocked ?? (publisher.connected ? undefined : "no connection to the broker"),
    write: (text) => Deno.stderr.writeSync(new TextEncoder().encode(text)),
    clock,
  }, showing.signal);

  const tracing = await openTracing();
  const begun = clock.monotonic();
  await publishEvents({
    source,
    sender: tracing ? traced(publisher, tracing, config.RABBITMQ_URL) : publisher,
    ...eventRouting(config),
    count: flags.count,
    rate: flags.rate,
    clock,
    tally,
    stop,
    onFailure: (error) => {
      const failures = tally.returned + tally.failed;
      if (failures <= mostFailuresShown) log.error(error.message, { messageId: error.messageId, reason: error.reason });
      if (failures === mostFailuresShown) log.error("Further rejected messages are only counted");
    },
  });
  const seconds = (clock.monotonic() - begun) / 1000;
  showing.abort();
  await progress;
  // Printed before the close, which takes long while the broker does not answer.
  console.log(summary(tally, seconds, badLines));
  await publisher.close();
  return tally.confirmed === tally.published && badLines === 0 && !unread && !refused.signal.aborted ? 0 : 1;

  async function fromFile(path: string): Promise<AsyncIterable<Generated>> {
    const stream = path === "-" ? Deno.stdin.readable : await openFile(path);
    const file = path === "-" ? "stdin" : path;
    return (async function* () {
      for await (const entry of readEvents(stream, stop)) {
        if (!isBadLine(entry)) yield entry;
        else {
          if (entry.last) unread = true;
          else badLines++;
          console.error(describeBadLine(file, entry));
        }
      }
    })();
  }
});

function generated(
  { seed, players = 10 }: { seed: number | undefined; players: number | undefined },
): Iterable<Generated> {
  if (seed !== undefined) {
    const timeMs = (n: number) => seededStartMs + n * 1000;
    return generateEvents({ random: seededRandom(seed), players, firstId: 1n, timeMs });
  }
  // Microseconds since 1970 are safe integers and differ between runs, so two runs share no id.
  return generateEvents({
    random: systemRandom,
    players,
    firstId: BigInt(clock.now() * 1000),
    timeMs: () => clock.now(),
  });
}

async function openFile(path: string): Promise<ReadableStream<Uint8Array>> {
  try {
    return (await Deno.open(path)).readable;
  } catch (error) {
    throw new UsageError(`--input=${path} cannot be read: ${messageOf(error)}`);
  }
}

async function printEvents(
  source: AsyncIterable<Generated> | Iterable<Generated>,
  count: number | undefined,
  stop: AbortSignal,
): Promise<void> {
  if (count === 0) return;
  let printed = 0;
  for await (const { event } of source) {
    if (stop.aborted) break;
    console.log(printableJson(JSON.stringify(eventToJson(event))));
    if (++printed === count) break;
  }
}
