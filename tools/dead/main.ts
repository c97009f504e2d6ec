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
  summary: "Dead letters: events that could not be processed, each with its reason.\n" +
    "list shows them, groups what they failed of, show ID all of one; replay publishes them again under their own ids;\n" +
    "edit changes what a replay publishes, and keeps the original; " +
    "drop takes them from the dead letters, and undo puts back what was dropped.\n" +
    `An act on more than ${many} letters is a job that subscribers carry out: jobs shows them, jobs ID one of them;\n` +
    "jobs pause|resume|cancel ID, jobs rate ID N. take GROUP says that you look after it: it turns no headline until it grows.",
  operands: "<list|groups|show ID|edit [ID]|replay|drop|undo|jobs …|take GROUP|leave GROUP>",
  flags: {
    status: {
      value: "STATUS,…",
      help: "list, groups, show: dead (if left out), replayed, dropped, resolved (its event is stored), or any",
    },
    reason: { value: "REASON,…", help: "only those with one of these reasons" },
    id: { value: "ID,…", help: "only those with one of these message ids" },
    group: { value: "GROUP,…", help: "only those of one of these groups, as groups tells them" },
    since: {
      value: "TIME",
      help: "only those that failed at this time or later: 2026-11-29T22:00Z, or 2h for two hours ago",
    },
    until: { value: "TIME", help: "only those that failed before this time" },
    player: { value: "ID", help: "only those of this player" },
    event: { value: "ID", help: "only those with this event id" },
    text: { value: "TEXT", help: "only those with this in their detail" },
    all: { help: "replay, drop, undo: all of them; without it, one of the above is needed" },
    set: { value: "KEY=VALUE,…", help: "edit: fields of the event's JSON; an empty value leaves the field out" },
    where: { value: "KEY=VALUE,…", help: "edit: only events with these values; currency= where it is missing" },
    body: { value: "JSON", help: "edit: the whole event in place of --set, or - to read it from stdin" },
    "dry-run": { help: "edit: show what it would do, and do nothing" },
    note: { value: "TEXT", help: "take: a ticket, or other words" },
    job: { help: "edit, replay, drop, undo: as a job, however few letters there are" },
    wait: { help: "edit, replay, drop, undo: wait until the job has ended; on a terminal that is so anyway" },
    yes: { short: "y", help: "do not ask" },
    newest: { help: "list, replay: the newest first" },
    limit: { short: "n", value: "N", help: "list, replay: at most so many", integer: { min: 1, max: 1_000_000_000 } },
    rate: { value: "N", help: "replay: at most so many a second", integer: { min: 1, max: 1_000_000 } },
    force: { help: "replay: also those that were replayed 10 times already" },
    json: { help: "one JSON object a line" },
  },
  settings: ["RABBITMQ_URL", "TOPOLOGY", "EVENTS_EXCHANGE", "EVENTS_QUEUE", "DEAD_LETTER_QUEUE", "DATABASE_URL"],
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
      throw new UsageError(`${action} takes one group, as groups tells it`);
    }
  } else if (action !== "edit" && action !== "jobs" && !isAction(action)) {
    const names = [...Object.keys(actions), "edit", "jobs", "take", "leave"];
    throw new UsageError(`"${action ?? ""}" is none of ${names.join(", ")}`);
  }
  const ofNone = action === "jobs" || action === "take" || action === "leave";
  if (ofNone) {
    if (flags.id !== undefined) throw new UsageError(`${action} takes no --id`);
  } else if (rest.length > 0 || (operandId !== undefined && action !== "show" && action !== "edit")) {
    throw new UsageError(`${action} takes no "${rest[0] ?? operandId}"; --id picks letters by their message ids`);
  }
  const filter = filterOf({ ...flags, id: ofNone ? undefined : operandId ?? flags.id });
  if (action === "show" && !filter.ids) throw new UsageError("show takes the message id of the letter");
  const isAct = action === "edit" || !ofNone && changes(action);
  if (isAct && Object.keys(filter).length === 0 && !flags.all) {
    throw new UsageError(`${action} takes --reason, --id, another filter or --all, for it acts on all that it finds`);
  }
  if (isAct && filter.statuses) throw new UsageError(`${action} takes no --status`);
  if ((action === "drop" || action === "undo") && flags.limit !== undefined) {
    throw new UsageError(`${action} takes no --limit`);
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
      ...{ table, claims: new LetterClaims(database), filter, flags, config, by, stop: shutdown.stop },
      onDone: () => void (affected = (affected ?? 0) + 1),
    };
    const jobs = new JobTable(database);
    const perform = async () => {
      if (action === "jobs") return await jobsCommand(words, { jobs, json: flags.json });
      if (action === "take") return await take(new Takes(database), operandId!, by, flags.note ?? "");
      if (action === "leave") return await leave(new Takes(database), operandId!);
      const change = action === "edit" ? await readChange(flags) : undefined;
      const act = jobActs.find((act) => act === action);
      const asks = { ...task, jobs, change, database };
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
