/** The groups of the benchmark: variants that are measured in turn. */
import { coldStart, endure } from "./scenarios/crowd_and_backlog.ts";
import { consumeWith, consumeWithOurs, type Figures, type Load, oneSubscriber } from "./scenarios/consume.ts";
import { askMaterialized, consumeOnTop, growTo, loadRows } from "./scenarios/tables.ts";
import { latencyAt, publishBare, publishWithOurs } from "./scenarios/publish.ts";
import { fillYears, timeFinds } from "./scenarios/years.ts";
import { Environment, mostPlayers } from "./environment.ts";
import { quickVariants } from "./quick.ts";

interface Variant {
  readonly name: string;
  /** @param run begins at 1 */
  measure(environment: Environment, run: number): Promise<Figures>;
}

export interface Group {
  readonly name: string;
  readonly variants: readonly Variant[];
}

/** A subscriber that stores one event at a time gets fewer events, which take as long. */
const oneByOne = { events: 20_000, warmUp: 5_000, players: oneSubscriber.players };
/** The shell gives the child this file, because Deno cannot. /dev/null would cost less than a disk. */
const linesFile = "/tmp/casino-bench-lines";

/** Each subscriber compiles its own code, so more subscribers need more events to warm up. */
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
    // Loads again what the previous variant has stored.
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

export const quickly: Group = {
  name: "quick",
  variants: throughput.variants.filter(({ name }) => quickVariants.includes(name)),
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

const manyRows = 100_000_000;

/** Two years of events: not part of a run of all, because it takes 45 minutes and 45 GB. */
export const years: Group = {
  name: "years",
  variants: [
    { name: "0", measure: (environment) => consumeWithOurs(environment, { load: oneSubscriber }) },
    {
      name: String(manyRows),
      async measure(environment: Environment, run: number) {
        const filled = await environment.within("years");
        if (await filled.rows() === 0) await fillYears(filled, manyRows);
        return await consumeOnTop(filled, run);
      },
    },
    {
      name: `GET /materialized, ${manyRows}`,
      measure: async (environment) => await askMaterialized(await environment.within("years")),
    },
    {
      name: `find, ${manyRows}`,
      async measure(environment: Environment) {
        const { sql, env } = await environment.within("years");
        const found = await timeFinds(sql, env["DATABASE_URL"]!, 0.01);
        return Object.fromEntries(Object.entries(found).map(([by, { p99Ms }]) => [`by ${by}, p99Ms`, p99Ms!]));
      },
    },
  ],
};

const endurance: Group = { name: "endurance", variants: [{ name: "2000000 events", measure: endure }] };

const coldCache: Group = { name: "cold cache", variants: [{ name: "16 subscribers", measure: coldStart }] };

export const groups: readonly Group[] = [throughput, publisher, latency, scale, coldCache, endurance, growth];
