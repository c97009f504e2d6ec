/** `deno task dead jobs` */
import { plural, printable, printableJson } from "../../shared/runtime/printable.ts";
import { UsageError } from "../../shared/runtime/configuration/command.ts";
import { parseMessageId } from "../../shared/rabbitmq/message_id.ts";
import { type Job, type JobOutcome, jobToJson } from "../../subscriber/dead_letters/jobs/job.ts";
import { JobTable } from "../../subscriber/dead_letters/jobs/job_table.ts";

const verbs = { pause: "paused", resume: "running", cancel: "cancelled" } as const;

interface Shown {
  readonly jobs: JobTable;
  readonly json: boolean;
}

/** @param words the words after `jobs`: nothing, ID, `pause|resume|cancel ID`, `rate ID N` */
export async function jobsCommand(words: readonly string[], shown: Shown): Promise<number> {
  const { jobs } = shown;
  const [first, second, third] = words;
  if (first === undefined) {
    const all = await jobs.list();
    for (const job of all) console.log(shown.json ? JSON.stringify(jobToJson(job)) : line(job));
    if (all.length === 0 && !shown.json) console.log("No jobs.");
    return 0;
  }
  const isVerb = Object.hasOwn(verbs, first);
  const id = parseMessageId((isVerb || first === "rate" ? second : first) ?? "");
  if (id === undefined) throw new UsageError("jobs takes the id of a job, pause|resume|cancel ID, or rate ID N");
  let job: Job | undefined;
  if (isVerb) job = await jobs.lead(id, verbs[first as keyof typeof verbs]);
  else if (first !== "rate") job = await jobs.get(id);
  else {
    if (!/^[1-9]\d{0,6}$/.test(third ?? "")) {
      throw new UsageError(`jobs rate ID N: "${third ?? ""}" must be a whole number of letters a second, from 1`);
    }
    job = await jobs.setRate(id, Number(third));
  }
  if (!job) {
    console.error(`There is no job ${id}; deno task dead jobs lists all jobs.`);
    return 1;
  }
  tell(job, await jobs.outcome(id), shown.json);
  return isVerb && job.state !== verbs[first as keyof typeof verbs] ? 1 : 0;
}

export function tell(job: Job, outcome: JobOutcome, json: boolean): void {
  if (json) return console.log(printableJson(JSON.stringify(jobToJson(job, outcome))));
  console.log(line(job));
  if (job.act === "replay") {
    const way = Math.max(0, job.done - outcome.stored - outcome.died);
    console.log(
      `  ${outcome.stored} stored, ${outcome.died} failed again with the same cause, ${way} pending`,
    );
    for (const { messageId, reason, detail } of outcome.deaths) {
      console.log(printable(`  failed again ${messageId}  ${reason}  ${detail}`, 240));
    }
  }
  if (job.state === "stopped" || job.state === "paused") {
    console.log(`  Resume it: deno task dead jobs resume ${job.id}`);
  }
}

function line(
  { id, act, state, done, total, refused, failed, rate, createdBy, createdAt, owner, problem }: Job,
): string {
  const by = owner === undefined ? "" : `  run by ${owner}`;
  const rest = refused + failed === 0 ? "" : `, ${refused} refused, ${failed} failed`;
  return [
    `${id}  ${act}  ${state}  ${done} of ${
      letters(total)
    }${rest}  up to ${rate}/s  by ${createdBy} at ${createdAt}${by}`,
    ...(problem === undefined ? [] : [`  ${problem}`]),
  ].map((text) => printable(text, 400)).join("\n");
}

export function letters(count: number): string {
  return plural(count, "letter");
}
