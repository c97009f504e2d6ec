/** The table `jobs`. Operators order jobs; the subscriber with a job's lease carries it out. */
import type { Database, Row } from "../../../shared/postgres/pool.ts";
import type { Status } from "../../../shared/rabbitmq/dead/dead_letter.ts";
import { Conditions } from "../letter_query.ts";
import { filterToJson, type Job, jobColumns, jobOfRow, type JobOrder, type JobOutcome, type JobState } from "./job.ts";

/** After a subscriber dies, another takes its job after this time. */
const leaseSeconds = 10;
export const defaultRate = 1_000;
const [mostListed, mostDeaths, mostCounted] = [100, 20, 10_000];

/** For each target state, the states that lead to it. */
const from: Readonly<Record<"paused" | "running" | "cancelled", readonly JobState[]>> = {
  paused: ["running"],
  running: ["paused", "stopped"],
  cancelled: ["running", "paused", "stopped"],
};

export interface Progress {
  /** Id of the last processed letter. */
  readonly reached: bigint;
  readonly done?: number;
  readonly refused?: number;
  readonly failed?: number;
  readonly problem?: string | undefined;
}

export class JobTable {
  constructor(private readonly database: Pick<Database, "query">) {}

  /** Returns the number of letters that an order would act on. */
  async count({ act, filter }: JobOrder): Promise<number> {
    const where = new Conditions(filter, statusOf(act));
    const [row] = await this.database.query(`select count(*) from dead_letters where ${where}`, where.parameters);
    return Number(row![0]);
  }

  /** Creates a job. Letters that come later are not part of it. */
  async create({ act, filter, change, rate = defaultRate }: JobOrder, id: string, by: string): Promise<Job> {
    const where = new Conditions(filter, statusOf(act));
    const first = where.parameters.length;
    const values = [id, act, String(rate), by, filterToJson(filter), change ? JSON.stringify(change) : ""];
    const [$id, $act, $rate, $by, $filter, $change] = values.map((_, n) => `$${first + n + 1}`);
    const rows = await this.database.query(
      `insert into jobs (id, act, rate, created_by, filter, change, total, last)
       select ${$id}::uuid, ${$act}, ${$rate}::integer, ${$by}, ${$filter}::jsonb, nullif(${$change}, '')::jsonb,
         count(*), coalesce(max(id), 0) from dead_letters where ${where}
       returning ${jobColumns}`,
      [...where.parameters, ...values],
    );
    return jobOfRow(rows[0]!);
  }

  /** Returns the newest jobs, newest first. */
  async list(): Promise<Job[]> {
    const statement = `select ${jobColumns} from jobs order by created_at desc, id limit ${mostListed}`;
    return (await this.database.query(statement, [])).map(jobOfRow);
  }

  async get(id: string): Promise<Job | undefined> {
    const rows = await this.database.query(`select ${jobColumns} from jobs where id = $1::uuid`, [id]);
    return rows.map(jobOfRow)[0];
  }

  /** Moves a job to another state if its state allows that. @returns the current job; `undefined` when there is none */
  async lead(id: string, to: "paused" | "running" | "cancelled"): Promise<Job | undefined> {
    const ended = to === "cancelled" ? "now()" : "null";
    const { died } = to === "running" ? await this.outcome(id) : { died: 0 };
    await this.database.query(
      `update jobs set state = '${to}', finished_at = ${ended}
         ${to === "running" ? ", done_before = done, died_before = $2::bigint, problem = null" : ""}
       where id = $1::uuid and state in (${from[to].map((state) => `'${state}'`).join(", ")})`,
      to === "running" ? [id, String(died)] : [id],
    );
    return await this.get(id);
  }

  async setRate(id: string, rate: number): Promise<Job | undefined> {
    await this.database.query("update jobs set rate = $2::integer where id = $1::uuid", [id, String(rate)]);
    return await this.get(id);
  }

  async outcome(id: string): Promise<JobOutcome> {
    const deaths = `
      from dead_letters as again join dead_letters as before on before.id = again.previous
      where again.previous is not null and again.id > (select last from jobs where id = $1::uuid)
        and before.job = $1::uuid and before.cause_group = again.cause_group`;
    const [[counts], rows] = await Promise.all([
      this.database.query(
        `select (select count(*) from dead_letters where job = $1::uuid and status = 'resolved'),
           (select count(*) from (select again.id ${deaths} limit ${mostCounted}) as died)`,
        [id],
      ),
      this.database.query(
        `select again.message_id, again.reason, again.detail ${deaths} order by again.id desc limit ${mostDeaths}`,
        [id],
      ),
    ]);
    return {
      ...{ stored: Number(counts![0]), died: Number(counts![1]) },
      deaths: rows.map(([messageId, reason, detail]) => ({ messageId: messageId!, reason: reason!, detail: detail! })),
    };
  }

  /** Takes the oldest running job without a lease. The owner keeps the job as long as it calls {@linkcode progress}. */
  async take(owner: string): Promise<Job | undefined> {
    const rows = await this.database.query(
      `update jobs set owner = $1, lease_until = now() + interval '${leaseSeconds} s' where id = (
         select id from jobs where state = 'running' and (lease_until is null or lease_until < now())
         order by created_at for update skip locked limit 1
       ) returning ${jobColumns}`,
      [owner],
    );
    return rows.map(jobOfRow)[0];
  }

  /** Renews the lease and adds progress. @returns the current job; `undefined` when another subscriber has it */
  async progress(id: string, owner: string, progress?: Progress): Promise<Job | undefined> {
    const { reached = 0n, done = 0, refused = 0, failed = 0, problem } = progress ?? {};
    const rows = await this.database.query(
      `update jobs set lease_until = now() + interval '${leaseSeconds} s', reached = greatest(reached, $3::bigint),
         done = done + $4::bigint, refused = refused + $5::bigint, failed = failed + $6::bigint,
         problem = coalesce(nullif($7, ''), problem)
       where id = $1::uuid and owner = $2 returning ${jobColumns}`,
      [id, owner, String(reached), String(done), String(refused), String(failed), problem ?? ""],
    );
    return rows.map(jobOfRow)[0];
  }

  /** Ends a running job. @param problem given when the job stops early: why */
  async finish(id: string, owner: string, problem?: string): Promise<void> {
    await this.database.query(
      `update jobs set state = $3, problem = coalesce(nullif($4, ''), problem), finished_at = now(), lease_until = null
       where id = $1::uuid and owner = $2 and state = 'running'`,
      [id, owner, problem === undefined ? "done" : "stopped", problem ?? ""],
    );
  }

  /** Ends the lease, so that another subscriber can take the job at once. */
  async release(id: string, owner: string): Promise<void> {
    await this.database.query("update jobs set lease_until = null where id = $1::uuid and owner = $2", [id, owner]);
  }

  /**
   * Marks the published letters of a claim and counts them for the job. One statement does both, so that a crash leaves
   * both or neither. A letter whose event is already stored stays resolved.
   */
  async markReplayed(job: Pick<Job, "id" | "createdBy">, ids: readonly bigint[], claim: string): Promise<void> {
    await this.database.query(
      `with marked as (
         update dead_letters set status = case status when 'dead' then 'replayed' else status end, job = $1::uuid,
           acted_by = $2, acted_at = now(), claim = null, claimed_until = null
         where id = any($3::bigint[]) and claim = $4::uuid and status in ('dead', 'resolved') returning id
       )
       update jobs set done = done + (select count(*) from marked) where id = $1::uuid`,
      [job.id, job.createdBy, `{${ids.join(",")}}`, claim],
    );
  }

  /** Drops or restores letters, and counts them for the job in the same statement. @returns the number of letters */
  async turn(job: Job, limit: number): Promise<number> {
    const [was, is] = job.act === "drop" ? ["dead", "dropped"] as const : ["dropped", "dead"] as const;
    const where = new Conditions(job.filter, was).add((last) => `id <= ${last}::bigint`, String(job.last));
    const first = where.parameters.length;
    const [rows]: readonly Row[] = await this.database.query(
      `with chosen as (
         select id from dead_letters where ${where} and (claim is null or claimed_until < now())
         order by id limit ${limit} for update skip locked
       ), turned as (
         update dead_letters set status = '${is}', job = $${first + 1}::uuid, acted_by = $${first + 2}, acted_at = now()
         where id in (select id from chosen) and status = '${was}' returning id
       ), counted as (
         update jobs set done = done + (select count(*) from turned) where id = $${first + 1}::uuid returning id
       )
       select count(*) from turned`,
      [...where.parameters, job.id, job.createdBy],
    );
    return Number(rows![0]);
  }
}

export function statusOf(act: JobOrder["act"]): Status {
  return act === "undo" ? "dropped" : "dead";
}
