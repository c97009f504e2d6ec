/** Acts on many letters become jobs, which continue after this process exits. */
import type { Change } from "../../shared/event/change.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { UsageError } from "../../shared/runtime/configuration/command.ts";
import { printable } from "../../shared/runtime/printable.ts";
import { type Job, type JobAct, type JobOrder, jobToJson } from "../../subscriber/dead_letters/jobs/job.ts";
import type { JobTable } from "../../subscriber/dead_letters/jobs/job_table.ts";
import type { Task } from "./actions.ts";
import { letters, tell } from "./jobs.ts";

/** An act on more letters than this becomes a job. */
export const many = 100;
const [pollMs, untakenMs] = [1_000, 5_000];

export interface OrderTask extends Task {
  readonly jobs: JobTable;
  /** For an edit. */
  readonly change: Change | undefined;
}

/** Returns whether the act becomes a job. Not with --limit, --newest, --force or --dry-run. @throws {UsageError} */
export async function isJob(act: JobAct, { jobs, filter, flags }: OrderTask): Promise<boolean> {
  if (flags.limit !== undefined || flags.newest || flags.force || flags["dry-run"]) {
    if (flags.job || flags.wait) throw new UsageError("a job takes no --limit, --newest, --force or --dry-run");
    return false;
  }
  return flags.job || flags.wait || await jobs.count({ act, filter }) > many;
}

/** Orders a job; a person first confirms the number of letters. @throws {UsageError} */
export async function orderJob(act: JobAct, task: OrderTask): Promise<number> {
  const { jobs, filter, change, flags: { yes, rate } } = task;
  if (!yes && Deno.stdin.isTerminal()) {
    if (!confirm(`${act} ${letters(await jobs.count({ act, filter }))}?`)) return 1;
  } else if (!yes && act === "edit") {
    throw new UsageError("edit of many takes --yes, or --dry-run to see what it would do");
  }
  return await order({ act, filter, change, rate }, task);
}

/**
 * Creates the job for the subscribers to run, and follows it on a terminal or with --wait. Leaving does not stop the
 * job.
 * @returns 0 when the job is done, or continues without this process
 */
async function order(what: JobOrder, { jobs, by, stop, flags: { json, wait } }: OrderTask): Promise<number> {
  let job: Job | undefined = await jobs.create(what, crypto.randomUUID(), by);
  const { id } = job;
  const terminal = Deno.stderr.isTerminal();
  if (!json) console.log(`Job ${id}: ${what.act} of ${letters(job.total)}.`);
  if (!wait && !terminal) {
    if (json) console.log(JSON.stringify(jobToJson(job)));
    else console.log(`It goes on by itself: deno task dead jobs ${id}`);
    return 0;
  }
  const began = clock.monotonic();
  let taken = false;
  while (job?.state === "running" && !stop.aborted) {
    await clock.sleep(pollMs, stop).catch(() => {});
    if (stop.aborted) break;
    job = await jobs.get(id);
    if (job?.owner !== undefined) taken = true;
    if (terminal && job) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${progress(job)}`));
    if (!taken && clock.monotonic() - began > untakenMs) {
      taken = true;
      console.error("No subscriber has taken it yet: one of this version must run, with DEAD_LETTER_KEEPER=on.");
    }
  }
  if (terminal) console.error("");
  if (stop.aborted) {
    console.error(`It goes on without you: deno task dead jobs ${id}; deno task dead jobs cancel ${id} ends it.`);
    return 0;
  }
  tell(job!, await jobs.outcome(id), json);
  return job!.state === "done" && job!.failed + job!.refused === 0 ? 0 : 1;
}

function progress({ done, refused, failed, total, problem, state }: Job): string {
  const percent = total === 0 ? 100 : Math.floor((done + refused + failed) * 100 / total);
  return printable(`${done} of ${total} (${percent} %)${problem === undefined ? "" : `; ${problem}`} ${state}`, 160);
}
