/** `deno task retention` */
import { Acts, connectedAs } from "../../shared/postgres/acts.ts";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import { Session } from "../../shared/postgres/session.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";
import { explainStoreError } from "../../shared/runtime/errors.ts";
import { plural } from "../../shared/runtime/printable.ts";
import { explainConnection } from "../../shared/runtime/server_kind.ts";
import { onShutdownSignal } from "../../shared/runtime/shutdown.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { findMissingIndexes, makeIndexes } from "./indexes.ts";
import { holdRetention, isPartitioned, makeAhead } from "./partitions.ts";
import { type Gone, letGo, type Plan, planRetention } from "./retention.ts";

/** An export reads a week of events. */
const longestStatementMs = 24 * 3_600_000;
const actTimeoutMs = 10_000;
/** With EVENTS_RETENTION_DAYS=0 no event is too old. */
const nothing: Plan = { weeks: [], foreign: [], before: "1970-01-01T00:00:00Z" };

await runCommand({
  name: "deno task retention",
  summary:
    "Deletes events older than EVENTS_RETENTION_DAYS: it drops whole partitions, by the time in the message ids. Events\n" +
    "whose ids contain no time are deleted row by row, by the time when they were stored. Totals do not change. The\n" +
    "command lists the events first and asks for confirmation. Once a partition is dropped, subscribers dead-letter\n" +
    "each further event of its time, because nothing tells whether that event was stored.",
  flags: {
    maintain: { help: "first create the next four weeks' partitions and index past weeks; with 0 days, no more" },
    export: { value: "DIRECTORY", help: "first write the events to files in DIRECTORY: CSV, compressed" },
    "dry-run": { help: "list the events, and change nothing" },
    yes: { short: "y", help: "do not ask for confirmation" },
    json: { help: "print one JSON object" },
  },
  settings: ["DATABASE_URL", "EVENTS_PARTITION_DAYS", "EVENTS_RETENTION_DAYS"],
  examples: [
    "EVENTS_RETENTION_DAYS=400 deno task retention --dry-run",
    "EVENTS_RETENTION_DAYS=400 deno task retention --export /archive --yes",
    "deno task retention --maintain --yes",
  ],
}, async ({ flags, config }) => {
  const days = config.EVENTS_RETENTION_DAYS;
  const asks = days > 0 && !flags.yes && !flags["dry-run"];
  if (days === 0 && !flags.maintain) {
    throw new UsageError("EVENTS_RETENTION_DAYS=0 keeps all events; set the number of days to keep");
  }
  if (asks && !Deno.stdin.isTerminal()) {
    throw new UsageError("retention asks on a terminal; without one, add --yes, or --dry-run to preview");
  }
  if (flags.export !== undefined && !(await Deno.stat(flags.export).catch(() => undefined))?.isDirectory) {
    throw new UsageError(`--export=${flags.export} must be an existing directory`);
  }
  using shutdown = onShutdownSignal(0, silentLog);
  const { stop } = shutdown;
  await using sql = new Session(config.DATABASE_URL, { name: "casino-retention", timeoutMs: longestStatementMs });
  const database = new DatabasePool(config.DATABASE_URL, {
    ...{ name: "casino-retention", max: 1, timeoutMs: actTimeoutMs, clock },
  });
  const gone: Gone = { tables: [], foreign: 0, files: [] };
  const say = (sentence: string) => flags.json ? undefined : console.log(sentence);
  let partitionsEnd: string | undefined;
  const indexes: string[] = [];
  try {
    const isPlain = !await isPartitioned(sql);
    if (isPlain && days > 0) throw new Error("The table events is not partitioned; see docs/retention.md");
    if (!await holdRetention(sql)) throw new Error("Another retention run is in progress; no event was deleted.");
    if (isPlain) say("The table events is not partitioned; there is nothing to maintain.");
    else if (flags.maintain && !flags["dry-run"]) {
      partitionsEnd = await makeAhead(sql, config.EVENTS_PARTITION_DAYS, clock);
      say(`Partitions exist until ${partitionsEnd}.`);
      await makeIndexes(sql, await findMissingIndexes(sql), { stop, say }, indexes);
    }
    const plan = days === 0 ? nothing : await planRetention(sql, days);
    if (!flags.json) console.log(inWords(plan, days));
    if (flags["dry-run"]) {
      if (flags.json) print(plan, "dry run");
      console.error("DRY RUN: no event was deleted.");
      return 0;
    }
    const isNothing = plan.weeks.length + plan.foreign.length === 0;
    if (!isNothing && asks && !confirm("Delete these events? This cannot be undone.")) return 1;
    // Also with nothing to delete: an alert tells when no run has succeeded for two days.
    await recorded(plan);
    if (flags.json) print(plan, stop.aborted ? "cut off" : "done");
    if (stop.aborted) console.error("Interrupted: run the command again to continue.");
    return stop.aborted ? 1 : 0;
  } catch (error) {
    if (gone.tables.length > 0) console.error(`Dropped before the error: ${gone.tables.join(", ")}.`);
    const explained = await explainConnection(error, "Postgres", config.DATABASE_URL);
    throw explained === error ? new Error(explainStoreError(error), { cause: error }) : explained;
  } finally {
    await database.close();
  }

  async function recorded(plan: Plan): Promise<void> {
    const maintain = String(flags.maintain);
    const filter = { days: String(days), before: plan.before, export: flags.export ?? "", maintain };
    const act = { act: "retention", filter, via: "deno task retention", ...await connectedAs(database) };
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
    console.log(
      JSON.stringify({ state, days, ...plan, gone, ...(partitionsEnd && { partitions_end: partitionsEnd, indexes }) }),
    );
  }
});

function inWords({ weeks, foreign, before }: Plan, days: number): string {
  if (days === 0) return "EVENTS_RETENTION_DAYS=0 keeps all events.";
  if (weeks.length + foreign.length === 0) return `No events are older than ${plural(days, "day")}.`;
  return [
    "To delete:",
    ...weeks.map(({ table, until, rows, bytes, detached }) =>
      `${table}: about ${plural(rows, "event")}, ${Math.ceil(bytes / 2 ** 20)} MiB, ${
        detached ? "detached by an earlier run" : `until ${until}`
      }`
    ),
    ...foreign.map(({ table, rows }) => `${table}: ${plural(rows, "event")} stored before ${before}`),
  ].join("\n");
}
