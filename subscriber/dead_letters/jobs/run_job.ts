/** Carries out one job, step by step, while it is running and this subscriber owns it. */
import type { Database } from "../../../shared/postgres/pool.ts";
import { replay, type Replayed, type ReplayOptions } from "../../../shared/rabbitmq/dead/replay.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import type { Random } from "../../../shared/runtime/random.ts";
import { LetterClaims } from "../claims.ts";
import { editLetters } from "../edit_letters.ts";
import type { KeptLetter } from "../letter_row.ts";
import { LetterTable } from "../letter_table.ts";
import type { Job, JobOutcome } from "./job.ts";
import { JobTable } from "./job_table.ts";
import { Ramp } from "./ramp.ts";

export interface RunOptions {
  readonly database: Pick<Database, "copyIn" | "query">;
  /** The subscriber's id. */
  readonly owner: string;
  readonly exchange: string;
  readonly shards?: number | undefined;
  readonly publisher: ReplayOptions["publisher"] & { readonly connected: boolean };
  readonly clock: Clock;
  readonly random: Pick<Random, "bytes">;
  readonly stop: AbortSignal;
}

/** Maximum number of letters in one statement, and in one claim. */
const [turnedAtOnce, publishedAtOnce] = [1_000, 100];
const secondMs = 1_000;
/** Attempts for a batch of which the broker accepts no letter. */
const mostTries = 5;
/** A job stops when this percentage of its letters, or this number, died again. */
const [mostPercent, mostDied] = [10, 100];

interface Run extends RunOptions {
  readonly jobs: JobTable;
  readonly letters: LetterTable;
  readonly claims: LetterClaims;
}

/** Resolves when the job is no longer running, another subscriber owns it, or `stop` is aborted. */
export async function runJob(job: Job, options: RunOptions): Promise<void> {
  const run = {
    ...options,
    jobs: new JobTable(options.database),
    letters: new LetterTable(options.database),
    claims: new LetterClaims(options.database),
  };
  if (job.act === "replay") await replayLetters(job, run);
  else if (job.act === "edit") await editAll(job, run);
  else await turnAll(job, run);
}

async function turnAll(job: Job, { jobs, owner, stop }: Run): Promise<void> {
  for (
    let at: Job | undefined = job;
    at?.state === "running" && !stop.aborted;
    at = await jobs.progress(job.id, owner)
  ) {
    if (await jobs.turn(at, turnedAtOnce) < turnedAtOnce) return await jobs.finish(job.id, owner);
  }
}

async function editAll(job: Job, { jobs, letters, database, owner, stop }: Run): Promise<void> {
  for (let at: Job | undefined = job; at?.state === "running" && !stop.aborted;) {
    const { filter, change, createdBy, last } = at;
    const dead = { ...filter, statuses: ["dead"] as const };
    const from = { filter: dead, limit: publishedAtOnce, order: "oldest", after: at.reached, last } as const;
    const page = await letters.page(from);
    const outcomes = await editLetters(database, page.letters, change!, createdBy);
    const refused = outcomes.filter(({ problem }) => problem !== undefined);
    const problem = refused[0] && `${refused[0].messageId}: ${refused[0].problem}`;
    const counts = { done: outcomes.length - refused.length, refused: refused.length, problem };
    at = await jobs.progress(job.id, owner, { reached: page.letters.at(-1)?.id ?? 0n, ...counts });
    if (at?.state === "running" && !page.more) return await jobs.finish(job.id, owner);
  }
}

async function replayLetters(job: Job, run: Run): Promise<void> {
  const { jobs, owner, clock, stop } = run;
  const ramp = new Ramp(clock);
  let tries = 0;
  let known = false;
  for (let at: Job | undefined = job; at?.state === "running" && !stop.aborted;) {
    const began = clock.monotonic();
    let left = ramp.perSecond(at.rate, known);
    while (at?.state === "running" && left > 0 && !stop.aborted) {
      const step = await replaySome(at, Math.min(left, publishedAtOnce), run);
      if (step === "last") return await endOf(at, run);
      if (step === "claimed") break;
      left -= step.count;
      at = await jobs.progress(job.id, owner, step.progress);
      // Without a connection, the letters are not at fault: the attempt does not count.
      tries = step.held && run.publisher.connected ? tries + 1 : 0;
      if (tries >= mostTries) return await jobs.finish(job.id, owner, step.progress.problem);
      if (step.held) break;
    }
    await clock.sleep(Math.max(0, began + secondMs - clock.monotonic()), stop).catch(() => {});
    const outcome = await jobs.outcome(job.id);
    if (at && diesAgain(at, outcome)) return await jobs.finish(job.id, owner, deathsOf(outcome));
    known = at !== undefined && (outcome.stored + outcome.died) * 2 >= at.done;
    at = at && await jobs.progress(job.id, owner);
  }
}

type Step = "last" | "claimed" | {
  readonly count: number;
  readonly held: boolean;
  readonly progress: {
    readonly reached: bigint;
    readonly refused: number;
    readonly failed: number;
    readonly problem?: string;
  };
};

/** Replays the next letters. @returns `claimed` while another replay has the next letters; `last` when none are left */
async function replaySome(job: Job, limit: number, run: Run): Promise<Step> {
  const { letters, claims, jobs, exchange, shards, publisher, clock, random, stop } = run;
  const claim = random.bytes(16).toHex();
  const { ids, left } = await claims.claimNext({ ...job, job: job.id, after: job.reached, limit }, claim);
  if (ids.length === 0) return left ? "claimed" : "last";
  const idsOf = (some: readonly KeptLetter[]) => some.map(({ id }) => id);
  const source = {
    take: async function* () {
      yield await letters.read(ids);
    },
    whole: (letter: KeptLetter) => letters.whole(letter),
    replayed: (some: readonly KeptLetter[]) => jobs.markReplayed(job, idsOf(some), claim),
    kept: (some: readonly KeptLetter[], published: "no" | "maybe") => claims.unclaim(idsOf(some), claim, published),
  };
  const how = { exchange, shards, publisher, clock, rate: undefined, force: false, stop };
  const results: Replayed<KeptLetter>[] = await Array.fromAsync(replay(source, how));
  const of = (result: string) => results.filter((one) => one.result === result);
  const [refused, failed] = [of("refused"), of("failed")];
  const problem =
    [...failed, ...refused].map((one) => `${one.letter.messageId}: ${"problem" in one && one.problem}`)[0];
  // When the broker accepts none, the letters are not at fault: they are retried.
  const held = stop.aborted || (failed.length > 0 && of("replayed").length === 0);
  const reached = held ? job.reached : ids.at(-1)!;
  const counts = held ? { refused: 0, failed: 0 } : { refused: refused.length, failed: failed.length };
  return { count: ids.length, held, progress: { reached, ...counts, ...(problem !== undefined && { problem }) } };
}

/** Ends the job. The last letters may die again later; the job's outcome then shows it. */
async function endOf(job: Job, { jobs, owner }: Run): Promise<void> {
  const outcome = await jobs.outcome(job.id);
  await jobs.finish(job.id, owner, diesAgain(job, outcome) ? deathsOf(outcome) : undefined);
}

function diesAgain({ done, doneBefore, diedBefore }: Job, { died }: JobOutcome): boolean {
  const again = died - diedBefore;
  return again > 0 && (again >= mostDied || again * 100 >= (done - doneBefore) * mostPercent);
}

function deathsOf({ died, deaths: [newest] }: JobOutcome): string {
  return `${died} ${died === 1 ? "letter" : "letters"} failed again with the same cause; ` +
    `newest: ${newest?.messageId}, ${newest?.reason}, ${newest?.detail}`;
}
