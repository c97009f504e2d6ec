/** Jobs over HTTP: acts on many dead letters that outlive the request. */
import { type Context, Hono } from "hono";
import { type Job, type JobAct, jobActs, jobToJson } from "../dead_letters/jobs/job.ts";
import type { JobTable } from "../dead_letters/jobs/job_table.ts";
import { parseMessageId } from "../../shared/rabbitmq/message_id.ts";
import type { Filter } from "../../shared/rabbitmq/dead/admin.ts";
import type { Change } from "../../shared/event/change.ts";
import type { Random } from "../../shared/runtime/random.ts";
import type { Env } from "./access/access.ts";
import { Problem } from "./problem.ts";

/** A subscriber has jobs; the demo has none. */
export interface Jobs {
  readonly table: JobTable;
  readonly random: Pick<Random, "bytes">;
}

export interface JobRoutesOptions {
  readonly jobs: Jobs | undefined;
  readonly ask: <T>(act: () => Promise<T>) => Promise<T>;
  /** Parses the filter. Without conditions the request must say `all=true`. */
  readonly filterOf: (context: Context, ...others: string[]) => Filter;
  readonly changeOf: (context: Context) => Change;
}

const [mostRate, changeNames] = [1_000_000, ["set", "where", "json"]];

export function jobRoutes({ jobs, ask, filterOf, changeOf }: JobRoutesOptions): Hono<Env> {
  const table = () => {
    if (!jobs) throw new Problem(404, "jobs are carried out over servers, and this is one process");
    return jobs.table;
  };
  const routes = new Hono<Env>();
  routes.get(
    "/",
    async (context) => context.json({ jobs: (await ask(() => table().list())).map((job) => jobToJson(job)) }),
  );
  routes.post("/", async (context) => {
    const act = actOf(context.req.query("act"));
    const rate = rateOf(context.req.query("rate"));
    const filter = filterOf(context, "act", "rate", "preview", ...changeNames);
    const order = { act, filter, rate, change: act === "edit" ? changeOf(context) : undefined };
    if (context.req.query("preview") === "true") return context.json({ total: await ask(() => table().count(order)) });
    table();
    const id = parseMessageId(jobs!.random.bytes(16).toHex())!;
    return context.json(jobToJson(await ask(() => table().create(order, id, context.get("principal").name))));
  });
  routes.get("/:id", async (context) => {
    const id = idOf(context.req.param("id"));
    const [job, outcome] = await ask(() => Promise.all([table().get(id), table().outcome(id)]));
    return context.json(jobToJson(found(job, id), outcome));
  });
  for (const [word, state] of [["pause", "paused"], ["resume", "running"], ["cancel", "cancelled"]] as const) {
    routes.post(`/:id/${word}`, async (context) => {
      const id = idOf(context.req.param("id"));
      const job = found(await ask(() => table().lead(id, state)), id);
      if (job.state !== state) throw new Problem(409, `the job ${id} is ${job.state}`);
      return context.json(jobToJson(job));
    });
  }
  routes.post("/:id/rate", async (context) => {
    const id = idOf(context.req.param("id"));
    const rate = rateOf(context.req.query("rate"));
    if (rate === undefined) throw new Problem(400, "say how fast: rate, letters a second");
    return context.json(jobToJson(found(await ask(() => table().setRate(id, rate)), id)));
  });
  return routes;
}

function actOf(text: string | undefined): JobAct {
  const act = jobActs.find((act) => act === text);
  if (!act) throw new Problem(400, `act must be one of ${jobActs.join(", ")}`);
  return act;
}

function rateOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const rate = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (rate < 1 || rate > mostRate) throw new Problem(400, `rate must be a whole number from 1 to ${mostRate}`);
  return rate;
}

function idOf(text: string): string {
  const id = parseMessageId(text);
  if (id === undefined) throw new Problem(400, "a job's id is a UUID");
  return id;
}

function found(job: Job | undefined, id: string): Job {
  if (!job) throw new Problem(404, `there is no job ${id}`);
  return job;
}
