/** `deno task dead list|groups|show|edit|replay|drop|undo|jobs` */
import { Acts, connectedAs } from "../../shared/postgres/acts.ts";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";
import { explainStoreError } from "../../shared/runtime/errors.ts";
import { explainConnection } from "../../shared/runtime/server_kind.ts";
import { onShutdownSignal } from "../../shared/runtime/shutdown.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { jobActs } from "../../subscriber/dead_letters/jobs/job.ts";
import { JobTable } from "../../subscriber/dead_letters/jobs/job_table.ts";
import { LetterClaims } from "../../subscriber/dead_letters/claims.ts";
import { LetterTable } from "../../subscriber/dead_letters/letter_table.ts";
import { Takes } from "../../subscriber/dead_letters/takes.ts";
import { parseFilter } from "../../subscriber/dead_letters/parse_filter.ts";
import { actions, changes, isAction } from "./actions.ts";
import { edit, readChange } from "./edit.ts";
import { isJob, many, orderJob } from "./job_order.ts";
import { jobsCommand } from "./jobs.ts";
import { leave, take } from "./take.ts";
import { noteWaiting } from "./waiting.ts";

/** Reading the groups of a million letters takes seconds. */
const queryTimeoutMs = 60_000;

/** Recorded in the table as the author of an act. */
const by = "deno task dead";

await runCommand({
  name: "deno task dead",
  summary: "Lists, edits and replays dead letters: events that could not be processed, each with its reason.\n" +
    "list shows the letters, groups counts them by cause, and show ID prints every fact of one letter and its history.\n" +
    "replay publishes letters again under their own ids. edit changes the event that a replay publishes, and keeps the\n" +
    "original. drop marks letters as dropped, and undo restores dropped letters; both keep the letters in the table.\n" +
    `An action on more than ${many} letters becomes a job, which subscribers run: jobs lists the jobs, jobs ID shows one,\n` +
    "and jobs pause|resume|cancel ID and jobs rate ID N control it. take GROUP records that you are working on a group:\n" +
    "the dashboard's headline ignores the group until it grows. leave GROUP gives the group up.",
  operands: "<list|groups|show ID|edit [ID]|replay|drop|undo|jobs …|take GROUP|leave GROUP>",
  flags: {
    status: {
      value: "STATUS,…",
      help: "list, groups, show: dead, replayed, dropped, resolved (the event is stored), or any [dead]",
    },
    reason: { value: "REASON,…", help: "only those with one of these reasons" },
    id: { value: "ID,…", help: "only those with one of these message ids" },
    group: { value: "GROUP,…", help: "only those of one of these groups; groups prints the names" },
    since: {
      value: "TIME",
      help: "only those that last failed at this time or later: 2026-11-29T22:00Z, or 2h for two hours ago",
    },
    until: { value: "TIME", help: "only those that last failed before this time" },
    player: { value: "ID", help: "only those of this player" },
    event: { value: "ID", help: "only those with this event id" },
    text: { value: "TEXT", help: "only those whose detail contains TEXT" },
    all: { help: "edit, replay, drop, undo: all letters; required without a filter" },
    set: {
      value: "KEY=VALUE,…",
      help: "edit: new values for fields of the event's JSON; an empty value removes the field",
    },
    where: { value: "KEY=VALUE,…", help: "edit: only events with these values; an empty value means a missing field" },
    body: { value: "JSON", help: "edit: the whole event, instead of --set; - reads it from stdin" },
    "dry-run": { help: "edit: show the changes and make none" },
    note: { value: "TEXT", help: "take: a note, such as a ticket's number" },
    job: { help: "edit, replay, drop, undo: run as a job, even for few letters" },
    wait: { help: "edit, replay, drop, undo: wait for the end of the job, as on a terminal" },
    yes: { short: "y", help: "do not ask for confirmation" },
    newest: { help: "list, replay: newest first" },
    limit: { short: "n", value: "N", help: "list, replay: at most N letters", integer: { min: 1, max: 1_000_000_000 } },
    rate: { value: "N", help: "replay: at most N letters a second", integer: { min: 1, max: 1_000_000 } },
    force: { help: "replay: include letters that were already replayed 10 times" },
    json: { help: "print one JSON object per line" },
  },
  settings: [
    "RABBITMQ_URL",
    "TOPOLOGY",
    "EVENTS_EXCHANGE",
    "EVENTS_QUEUE",
    "EVENTS_SHARDS",
    "DEAD_LETTER_QUEUE",
    "DATABASE_URL",
  ],
  examples: [
    "deno task dead groups",
    "deno task dead list --reason rates-timeout --since 2h",
    "deno task dead show 017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    "deno task dead edit 017f22e2-79b0-7cc3-98c4-dc0c0c07398f --set amount=500",
    "deno task dead edit --group 5f0c1d2e3a4b --set currency=EUR --where currency=",
    "deno task dead replay --reason rates-timeout,unknown-currency --rate 100",
    "deno task dead jobs pause 5b0b1e9e-5c0c-4f3e-9d5b-5d7a4c0e4f60",
    "deno task dead drop --id 017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    "deno task dead undo --id 017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
  ],
}, async ({ flags, operands: [action, operandId, ...rest], config }) => {
  if (action === "take" || action === "leave") {
    if (operandId === undefined || rest.length > 0) {
      throw new UsageError(`${action} takes the name of one group; deno task dead groups prints the names`);
    }
  } else if (action !== "edit" && action !== "jobs" && !isAction(action)) {
    const names = [...Object.keys(actions), "edit", "jobs", "take", "leave"];
    throw new UsageError(`the action "${action ?? ""}" must be one of ${names.join(", ")}`);
  }
  const ofNone = action === "jobs" || action === "take" || action === "leave";
  if (ofNone) {
    if (flags.id !== undefined) throw new UsageError(`${action} does not take --id`);
  } else if (rest.length > 0 || (operandId !== undefined && action !== "show" && action !== "edit")) {
    throw new UsageError(`${action} does not take "${rest[0] ?? operandId}"; select letters by message id with --id`);
  }
  const filter = filterOf({ ...flags, id: ofNone ? undefined : operandId ?? flags.id });
  if (action === "show" && !filter.ids) throw new UsageError("show needs the message id of a letter");
  const isAct = action === "edit" || !ofNone && changes(action);
  if (isAct && Object.keys(filter).length === 0 && !flags.all) {
    throw new UsageError(`${action} needs a filter, such as --reason or --id, or --all for all letters`);
  }
  if (isAct && filter.statuses) throw new UsageError(`${action} does not take --status`);
  if ((action === "drop" || action === "undo") && flags.limit !== undefined) {
    throw new UsageError(`${action} does not take --limit`);
  }
  const words = [operandId, ...rest].filter((word) => word !== undefined);
  using shutdown = onShutdownSignal(0, silentLog);
  const database = new DatabasePool(config.DATABASE_URL, {
    ...{ name: "casino-dead", max: 1, timeoutMs: queryTimeoutMs, clock },
  });
  try {
    const table = new LetterTable(database);
    let affected: number | undefined;
    const task = {
      ...{ database, table, claims: new LetterClaims(database), filter, flags, config, by, stop: shutdown.stop },
      onDone: () => void (affected = (affected ?? 0) + 1),
    };
    const jobs = new JobTable(database);
    const perform = async () => {
      if (action === "jobs") return await jobsCommand(words, { jobs, json: flags.json });
      if (action === "take") return await take(new Takes(database), operandId!, by, flags.note ?? "");
      if (action === "leave") return await leave(new Takes(database), operandId!);
      const change = action === "edit" ? await readChange(flags) : undefined;
      const act = jobActs.find((act) => act === action);
      const asks = { ...task, jobs, change };
      if (act && await isJob(act, asks)) return await orderJob(act, asks);
      return action === "edit" ? await edit({ ...asks, change: change! }) : await actions[action](task);
    };
    const status = isAct || action === "take" || action === "leave" || action === "jobs" && words.length > 1
      ? await new Acts(database, silentLog).record(
        {
          ...{ act: action === "jobs" ? `jobs ${words[0]}` : action, filter: wordsOf(flags, words) },
          ...{ via: "deno task dead", ...await connectedAs(database) },
        },
        perform,
        (status) => ({ state: status === 0 ? "done" : "failed", affected, result: `exit status ${status}` }),
      )
      : await perform();
    await noteWaiting(config, clock);
    return status;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const explained = await explainConnection(error, "Postgres", config.DATABASE_URL);
    throw explained === error ? new Error(explainStoreError(error), { cause: error }) : explained;
  } finally {
    await database.close();
  }
});

/** Returns the command line as typed. */
function wordsOf(flags: Readonly<Record<string, unknown>>, words: readonly string[]): Record<string, string> {
  const given = Object.entries<unknown>({ ...flags, of: words.join(" ") || undefined })
    .filter(([, value]) => value !== undefined && value !== false);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}

function filterOf(words: Parameters<typeof parseFilter>[0]) {
  try {
    return parseFilter(words, clock.now());
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}
