/**
 * `deno task bench`: how fast it is, beside what the broker, the database and other ways of writing it can do. Variants of
 * a group run in turn: a noisy minute then affects all of them alike.
 */
import { coldStart, endure } from "./scenarios/crowd_and_backlog.ts";
import { consumeWith, consumeWithOurs, type Figures, type Load, oneSubscriber } from "./scenarios/consume.ts";
import { askMaterialized, consumeOnTop, growTo, loadRows } from "./scenarios/tables.ts";
import { latencyAt, publishBare, publishWithOurs } from "./scenarios/publish.ts";
import { Environment, mostPlayers } from "./environment.ts";
import { runCommand, UsageError } from "../shared/runtime/configuration/command.ts";
import { keepResult, provenance, writeReport } from "./results.ts";

interface Variant {
  readonly name: string;
  /** @param run from 1 */
  measure(environment: Environment, run: number): Promise<Figures>;
}

interface Group {
  readonly name: string;
  readonly variants: readonly Variant[];
}

/** Subscribers that store one event at a time get fewer events: these take as long. */
const oneByOne = { events: 20_000, warmUp: 5_000, players: oneSubscriber.players };
/** Deno gives a child no file, the shell does; /dev/null would cost less than a disk. */
const linesFile = "/tmp/casino-bench-lines";

/** Each subscriber compiles its code for itself. */
function warmFor(subscribers: number, players: number): Load {
  return { events: oneSubscriber.events, warmUp: 25_000 * subscribers, players };
}

const throughput: Group = {
  name: "throughput",
  variants: [
    {
      name: "bare",
      measure: (environment) => consumeWith(environment, "bare", oneSubscriber, { stores: false }),
    },
    { name: "ours, lines off", measure: (environment) => consumeWithOurs(environment, { load: oneSubscriber }) },
    // Loads again what the one before has stored.
    { name: "load", measure: loadRows },
    {
      name: "ours, lines on",
      measure: (environment) => consumeWithOurs(environment, { load: oneSubscriber, lines: linesFile }),
    },
    { name: "naive", measure: (environment) => consumeWith(environment, "naive", oneByOne) },
    { name: "naive, awaiting each", measure: (environment) => consumeWith(environment, "serial", oneByOne) },
    { name: "peer", measure: (environment) => consumeWith(environment, "peer", oneByOne) },
  ],
};

const publisher: Group = {
  name: "publisher",
  variants: [{ name: "ours", measure: publishWithOurs }, { name: "bare", measure: publishBare }],
};

const latency: Group = {
  name: "latency",
  variants: [10, 100, 1_000, 5_000].map((perSecond) => ({
    name: String(perSecond),
    measure: (environment) => latencyAt(environment, perSecond),
  })),
};

const scale: Group = {
  name: "scale",
  variants: [10, mostPlayers].flatMap((players) =>
    [1, 2, 4, 8].map((subscribers) => ({
      name: `${subscribers} of ${players} players`,
      measure: (environment: Environment) =>
        consumeWithOurs(environment, { load: warmFor(subscribers, players), subscribers }),
    }))
  ),
};

const growth: Group = {
  name: "growth",
  variants: [
    { name: "0", measure: (environment) => consumeWithOurs(environment, { load: oneSubscriber }) },
    ...[1_000_000, 10_000_000].map((rows) => ({
      name: String(rows),
      async measure(environment: Environment, run: number) {
        const grown = await environment.within(`grown_${rows}`);
        if (await grown.rows() === 0) {
          await consumeOnTop(grown, 1);
          await growTo(grown, rows);
        }
        return await consumeOnTop(grown, run + 1);
      },
    })),
    {
      name: "GET /materialized, 10000000",
      measure: async (environment) => await askMaterialized(await environment.within("grown_10000000")),
    },
  ],
};

const endurance: Group = { name: "endurance", variants: [{ name: "2000000 events", measure: endure }] };

const coldCache: Group = { name: "cold cache", variants: [{ name: "16 subscribers", measure: coldStart }] };

const groups: readonly Group[] = [throughput, publisher, latency, scale, coldCache, endurance, growth];

const names = groups.map(({ name }) => name).join(", ");

await runCommand({
  name: "deno task bench",
  summary:
    "Starts its own RabbitMQ, Redis and Postgres, and measures throughput compared with other designs, publishing,\n" +
    "latency, many subscribers, endurance and growth. After each run, it checks that every event was stored once.\n" +
    "Writes bench/results/ and prints the tables. A full run takes about an hour.",
  flags: {
    only: { value: "GROUPS", help: `with commas between: ${names}` },
    runs: {
      value: "N",
      help: "runs of each variant, in turn; the medians are reported [5]",
      integer: { min: 1, max: 100 },
    },
    report: { help: "do not measure; write the tables from bench/results/results.json" },
  },
  settings: [],
  examples: ["deno task bench", "deno task bench --only throughput,publisher --runs 3", "deno task bench --report"],
}, async ({ flags: { only, runs = 5, report } }) => {
  const wanted = only?.split(",").map((name) => name.trim());
  for (const name of wanted ?? []) {
    if (!groups.some((group) => group.name === name)) throw new UsageError(`--only=${name} must be one of ${names}`);
  }
  const chosen = report ? [] : groups.filter(({ name }) => wanted?.includes(name) ?? true);
  if (chosen.length > 0) {
    const [loadAverage = NaN] = Deno.loadavg();
    await using environment = await Environment.start();
    for (const { name, variants } of chosen) {
      const measured: Record<string, Figures[]> = {};
      for (let run = 1; run <= runs; run++) {
        for (const variant of variants) {
          const figures = await variant.measure(environment, run);
          (measured[variant.name] ??= []).push(figures);
          console.error(`${name} · ${variant.name} · run ${run} of ${runs}: ${asWords(figures)}`);
        }
      }
      await keepResult(name, { ...await provenance(environment, loadAverage), runs: measured });
    }
  }
  console.log(await writeReport());
  return 0;
});

function asWords(figures: Figures): string {
  return Object.entries(figures).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`).join(", ");
}
