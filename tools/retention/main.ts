/** `deno task retention` */
import { Acts, connectedAs } from "../../shared/postgres/acts.ts";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import { Session } from "../../shared/postgres/session.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";
import { explainStoreError } from "../../shared/runtime/errors.ts";
import { explainConnection } from "../../shared/runtime/server_kind.ts";
import { onShutdownSignal } from "../../shared/runtime/shutdown.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { holdRetention, isPartitioned } from "./partitions.ts";
import { type Gone, letGo, type Plan, planRetention } from "./retention.ts";

/** An export reads a week of events. */
const longestStatementMs = 24 * 3_600_000;
const actTimeoutMs = 10_000;

await runCommand({
  name: "deno task retention",
  summary:
    "Lets events go that are older than EVENTS_RETENTION_DAYS: whole partitions, by the time of message ids, and\n" +
    "events under ids that tell no time, by when they were stored. Sums stay. It says what goes and asks.\n" +
    "An id is remembered as long as its partition is there; after that, events of its time are refused.",
  flags: {
    export: { value: "DIRECTORY", help: "write what goes into files there before: CSV, compressed" },
    "dry-run": { help: "say what would go, and change nothing" },
    yes: { short: "y", help: "do not ask" },
    json: { help: "one JSON object" },
  },
  settings: ["DATABASE_URL", "EVENTS_RETENTION_DAYS"],
  examples: [
    "EVENTS_RETENTION_DAYS=400 deno task retention --dry-run",
    "EVENTS_RETENTION_DAYS=400 deno task retention --export /archive --yes",
  ],
}, async ({ flags, config }) => {
  const days = config.EVENTS_RETENTION_DAYS;
  const asks = !flags.yes && !flags["dry-run"];
  if (days === 0) throw new UsageError("EVENTS_RETENTION_DAYS is 0: all events are kept; set how many days they are");
  if (asks && !Deno.stdin.isTerminal()) {
    throw new UsageError("retention asks on a terminal: here it takes --yes, or --dry-run to see what would go");
  }
  if (flags.export !== undefined && !(await Deno.stat(flags.export).catch(() => undefined))?.isDirectory) {
    throw new UsageError(`--export=${flags.export} must be a directory that is there`);
  }
  using shutdown = onShutdownSignal(0, silentLog);
  const { stop } = shutdown;
  await using sql = new Session(config.DATABASE_URL, { name: "casino-retention", timeoutMs: longestStatementMs });
  const database = new DatabasePool(config.DATABASE_URL, {
    ...{ name: "casino-retention", max: 1, timeoutMs: actTimeoutMs, clock },
  });
  const gone: Gone = { tables: [], foreign: 0, files: [] };
  try {
    if (!await isPartitioned(sql)) throw new Error("The table events has no partitions: docs/retention.md");
    if (!await holdRetention(sql)) throw new Error("Another run is at work; nothing was done.");
    const plan = await planRetention(sql, days);
    if (!flags.json) console.log(inWords(plan, days));
    if (flags["dry-run"]) {
      if (flags.json) print(plan, "dry run");
      console.error("DRY RUN: nothing has gone.");
      return 0;
    }
    const isNothing = plan.weeks.length + plan.foreign.length === 0;
    if (!isNothing && asks && !confirm("Let it go? It cannot be undone.")) return 1;
    if (!isNothing) await recorded(plan);
    if (flags.json) print(plan, stop.aborted ? "cut off" : "done");
    if (stop.aborted) console.error("Cut off: run it again, and it goes on.");
    return stop.aborted ? 1 : 0;
  } catch (error) {
    if (gone.tables.length > 0) console.error(`Before the error, these went: ${gone.tables.join(", ")}.`);
    const explained = await explainConnection(error, "Postgres", config.DATABASE_URL);
    throw explained === error ? new Error(explainStoreError(error), { cause: error }) : explained;
  } finally {
    await database.close();
  }

  async function recorded(plan: Plan): Promise<void> {
    const filter = { days: String(days), before: plan.before, export: flags.export ?? "" };
    const act = { act: "retention", filter, via: "deno task retention", ...await connectedAs(database) };
    const say = (sentence: string) => flags.json ? undefined : console.log(sentence);
    await new Acts(database, silentLog).record(
      act,
      () => letGo({ sql, plan, directory: flags.export, clock, say, stop }, gone),
      () => ({
        state: stop.aborted ? "failed" : "done",
        affected: gone.tables.length,
        result: JSON.stringify({ tables: gone.tables, foreign: gone.foreign, ...(stop.aborted && { cut_off: true }) }),
      }),
    );
  }

  function print(plan: Plan, state: string): void {
    console.log(JSON.stringify({ state, days, ...plan, gone }));
  }
});

function inWords({ weeks, foreign, before }: Plan, days: number): string {
  if (weeks.length + foreign.length === 0) return `No events are older than ${days} days.`;
  return [
    "To go:",
    ...weeks.map(({ table, until, rows, bytes, detached }) =>
      `${table}: about ${rows} events, ${Math.ceil(bytes / 2 ** 20)} MiB, ${
        detached ? "detached by an earlier run" : `until ${until}`
      }`
    ),
    ...foreign.map(({ table, rows }) => `${table}: ${rows} events stored before ${before}`),
  ].join("\n");
}
