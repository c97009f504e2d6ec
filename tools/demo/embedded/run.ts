/** The demo without servers: its steps in order, and its output. */
import { join } from "node:path";
import { type Clock, systemClock } from "../../../shared/runtime/clock.ts";
import { systemRandom } from "../../../shared/runtime/random.ts";
import { onShutdownSignal } from "../../../shared/runtime/shutdown.ts";
import { type Log, silentLog } from "../../../shared/runtime/telemetry/log.ts";
import { type Generated, generateEvents } from "../../../publisher/generator.ts";
import { isBadLine, readEvents } from "../../../publisher/ndjson_input.ts";
import { summary } from "../../../publisher/publish.ts";
import { summarize, waitUntilSettled } from "../outcome.ts";
import { openDashboard } from "./dashboard.ts";
import { Screen, standardOutput } from "./screen.ts";
import { plural, printable } from "../../../shared/runtime/printable.ts";
import { EmbeddedSystem, type Publication } from "./system.ts";

export interface EmbeddedOptions {
  /** The project's root. */
  readonly project: string;
  /** Number of generated events. */
  readonly count: number;
  /** Events per second. */
  readonly rate: number;
  /** Whether to continue after the summary until Ctrl-C; `undefined`: only if stdout is a terminal. */
  readonly stay: boolean | undefined;
}

const players = 10;
/** Slow enough to read along, and to leave the machine idle. */
const stayingRate = 20;
const graceMs = 10_000;

/** @returns the exit status: 1 when an event was lost */
export async function runEmbedded({ project, count, rate, stay }: EmbeddedOptions): Promise<number> {
  const clock = systemClock;
  // By now, Deno has downloaded any missing packages.
  const startedAt = clock.monotonic();
  const terminal = standardOutput();
  const screen = new Screen(terminal, clock);
  using shutdown = onShutdownSignal(graceMs, silentLog);
  const { stop } = shutdown;

  screen.say("Starting the rates API, two subscribers, and a queue, a cache and a database in memory");
  screen.say("  Postgres is compiled to WebAssembly, and takes a second or more to start");
  const options = { clock, random: systemRandom, log: errorsTo(screen) };
  await using system = await EmbeddedSystem.start(options);
  await using dashboard = openDashboard(system, { ...options, leaving: stop });
  screen.say(`Dashboard: ${screen.bold(dashboard.url)}, token for dead letters: ${dashboard.token}`);

  screen.say(`Publishing samples/events.ndjson, and ${count} generated events, ${rate} a second`);
  const begun = clock.monotonic();
  const publish = (publication: Publication) => publishAndTell(system, publication, screen, clock);
  await publish({ source: sampleEvents(project), count: undefined, rate: undefined, stop });
  await publish({ source: madeUpEvents(clock), count, rate, stop });
  const settled = await waitUntilSettled(system, system.published, clock);
  const seconds = (clock.monotonic() - begun) / 1000;
  if (system.firstStoredAt !== undefined) {
    screen.say(
      `  the first event was stored ${((system.firstStoredAt - startedAt) / 1000).toFixed(1)} s after the start`,
    );
  }
  const ratesCalls = system.ratesApi.stats().calls;
  screen.say(await summarize(system, { settled, seconds, remark: ` at --rate ${rate}`, ratesCalls }));
  screen.say(
    `\nThis was the embedded mode: queue, cache and database in this process. For real servers, run ` +
      `deno task demo --real, or deno task up and then the members.`,
  );
  if (settled.lost > 0 || stop.aborted || !(stay ?? terminal.isTerminal)) return settled.lost === 0 ? 0 : 1;

  screen.say(
    `The demo continues with ${stayingRate} events a second. Watch it at ${
      screen.bold(dashboard.url)
    }; stop it with Ctrl-C.`,
  );
  await publish({ source: madeUpEvents(clock), count: undefined, rate: stayingRate, stop });
  const { stored, dead, lost } = await waitUntilSettled(system, system.published, clock);
  screen.say(`Ended: ${plural(stored, "event")} stored, ${dead} dead-lettered, ${lost} lost.`);
  return lost === 0 ? 0 : 1;
}

/** Shows progress meanwhile, and then the publisher's own summary. */
async function publishAndTell(
  system: EmbeddedSystem,
  publication: Publication,
  screen: Screen,
  clock: Clock,
): Promise<void> {
  const done = new AbortController();
  const following = screen.follow(() => system.view, done.signal);
  const begun = clock.monotonic();
  const tally = await system.publish(publication);
  done.abort();
  await following;
  screen.say(`  ${summary(tally, (clock.monotonic() - begun) / 1000, 0)}`);
}

async function* sampleEvents(project: string): AsyncGenerator<Generated> {
  const file = await Deno.open(join(project, "samples/events.ndjson"));
  for await (const entry of readEvents(file.readable)) if (!isBadLine(entry)) yield entry;
}

function madeUpEvents(clock: Clock): Iterable<Generated> {
  const firstId = BigInt(clock.now() * 1000);
  return generateEvents({ random: systemRandom, players, firstId, timeMs: () => clock.now() });
}

/** Logs only errors: the dashboard and the summary show the rest. */
function errorsTo(screen: Screen): Log {
  return {
    ...silentLog,
    error: (message, { problem } = {}) =>
      screen.say(printable(problem === undefined ? message : `${message}: ${problem}`)),
  };
}
