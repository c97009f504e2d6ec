/** Carries out jobs. A subscriber runs several jobs at once; one subscriber at a time runs a job. */
import type { Database } from "../../../shared/postgres/pool.ts";
import type { BrokerOptions } from "../../../shared/rabbitmq/connection.ts";
import { ConfirmPublisher } from "../../../shared/rabbitmq/publish/publisher.ts";
import { eventTopology, type TopologyConfig } from "../../../shared/rabbitmq/topology.ts";
import { type Clock, sleepToTick } from "../../../shared/runtime/clock.ts";
import { messageOf } from "../../../shared/runtime/errors.ts";
import { silentLog } from "../../../shared/runtime/telemetry/log.ts";
import type { ReadWork } from "../work.ts";
import type { Job } from "./job.ts";
import { JobTable } from "./job_table.ts";
import { runJob } from "./run_job.ts";

export interface JobRunnerOptions extends BrokerOptions {
  readonly database: Pick<Database, "copyIn" | "query">;
  readonly config: TopologyConfig;
  readonly owner: string;
  readonly work: ReadWork;
}

const [lookEveryMs, mostAtOnce, publishTimeoutMs, beatEveryMs] = [2_000, 4, 5_000, 3_000];

/**
 * Carries out jobs until the signal is aborted; another subscriber then continues the unfinished ones. Never throws.
 */
export async function keepRunningJobs(options: JobRunnerOptions, stop: AbortSignal): Promise<void> {
  const { database, owner, work, clock, log } = options;
  const jobs = new JobTable(database);
  const running = new Set<Promise<void>>();
  while (!stop.aborted) {
    try {
      const job = running.size < mostAtOnce && (await work()).jobs ? await jobs.take(owner) : undefined;
      if (job) {
        const run = runOne(job, options, stop).finally(() => running.delete(run));
        running.add(run);
        continue;
      }
    } catch (error) {
      // An old schema, or Postgres is away: other parts report both.
      log.debug("No job was started", { problem: messageOf(error) });
    }
    await sleepToTick(clock, lookEveryMs, stop).catch(() => {});
  }
  await Promise.all(running);
}

async function runOne(job: Job, options: JobRunnerOptions, stop: AbortSignal): Promise<void> {
  const { database, owner, config, clock, random, log, url, name } = options;
  const fields = { job: job.id, act: job.act, createdBy: job.createdBy };
  log.info("This subscriber runs a job", { event: "jobs.taken", ...fields });
  const publisher = new ConfirmPublisher({
    ...{ url, name: `${name} job`, topology: eventTopology(config), clock, random, log: silentLog },
    giveUpAfterMs: publishTimeoutMs,
  });
  const jobs = new JobTable(database);
  const ended = new AbortController();
  const beating = keepLease(jobs, { id: job.id, owner, clock }, AbortSignal.any([ended.signal, stop]));
  try {
    const { EVENTS_EXCHANGE: exchange, EVENTS_SHARDS: shards } = config;
    await runJob(job, { database, owner, exchange, shards, publisher, clock, random, stop });
    const { state, done, problem } = await jobs.get(job.id) ?? {};
    log.info("This subscriber no longer runs a job", { event: "jobs.left", ...fields, state, done, problem });
  } catch (error) {
    // The lease ends, and this or another subscriber continues the job.
    log.warn("A job was interrupted, and continues in a moment", {
      event: "jobs.cut_off",
      ...fields,
      problem: messageOf(error),
    });
  }
  ended.abort();
  await beating;
  await publisher.close(0).catch(() => {});
  await jobs.release(job.id, owner).catch(() => {});
}

/**
 * Renews the lease until the signal is aborted, or until the lease is lost. A broker that blocks publishing, or a
 * letter of many megabytes, may take longer than a lease.
 */
export async function keepLease(
  jobs: Pick<JobTable, "progress">,
  { id, owner, clock }: { readonly id: string; readonly owner: string; readonly clock: Clock },
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    await clock.sleep(beatEveryMs, stop).catch(() => {});
    // While Postgres is away the lease ends. The next subscriber that takes the job continues it.
    if (!stop.aborted && await jobs.progress(id, owner).catch(() => "away") === undefined) return;
  }
}
