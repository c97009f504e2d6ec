/**
 * An act on many dead letters that subscribers carry out. A job survives the process that ordered it, and subscribers.
 */
import type { Change } from "../../../shared/event/change.ts";
import type { Row } from "../../../shared/postgres/pool.ts";
import type { Filter } from "../../../shared/rabbitmq/dead/admin.ts";
import { withoutNul } from "../letter_query.ts";
import { isoTime } from "../letter_row.ts";

export const jobActs = ["replay", "drop", "undo", "edit"] as const;
export type JobAct = typeof jobActs[number];

/**
 * A `stopped` job has stopped without an operator, and `problem` says why. Jobs that are `paused` or `stopped` can
 * resume.
 */
export const jobStates = ["running", "paused", "cancelled", "done", "stopped"] as const;
export type JobState = typeof jobStates[number];

export interface JobOrder {
  readonly act: JobAct;
  readonly filter: Filter;
  /** Given for an edit. */
  readonly change?: Change | undefined;
  /** Maximum number of letters per second, after the ramp. */
  readonly rate?: number | undefined;
}

export interface Job extends JobOrder {
  readonly id: string;
  readonly state: JobState;
  readonly createdBy: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly finishedAt: string | undefined;
  readonly rate: number;
  /** Number of letters that matched when the job was ordered. */
  readonly total: number;
  readonly done: number;
  /** Letters left unchanged: replayed ten times already, or the change does not fit. */
  readonly refused: number;
  readonly failed: number;
  /** The counts when the job was last resumed. */
  readonly doneBefore: number;
  readonly diedBefore: number;
  /** Id of the last letter in the job: later letters are not part of it. */
  readonly last: bigint;
  readonly reached: bigint;
  /** The subscriber that carries out the job now. */
  readonly owner: string | undefined;
  /** Why the job makes no progress or has stopped, or its last problem. */
  readonly problem: string | undefined;
}

export const jobColumns = `id, state, act, created_by, ${isoTime("created_at")}, ${isoTime("finished_at")}, rate, total,
  done, refused, failed, done_before, died_before, last, reached,
  case when lease_until > now() then owner end, problem, filter, change`;

export function jobOfRow(row: Row): Job {
  const [id, state, act, createdBy, createdAt, finishedAt, rate, total, done, refused, failed, ...more] = row;
  const [doneBefore, diedBefore, last, reached, owner, problem, filter, change] = more;
  return {
    ...{ id: id!, state: state as JobState, act: act as JobAct, createdBy: createdBy!, createdAt: createdAt! },
    ...{ finishedAt: finishedAt ?? undefined, rate: Number(rate), total: Number(total), done: Number(done) },
    ...{ refused: Number(refused), failed: Number(failed) },
    ...{
      doneBefore: Number(doneBefore),
      diedBefore: Number(diedBefore),
      last: BigInt(last!),
      reached: BigInt(reached!),
    },
    ...{ owner: owner ?? undefined, problem: problem ?? undefined, filter: filterOfJson(filter!) },
    change: change == null ? undefined : JSON.parse(change) as Change,
  };
}

export function filterToJson(filter: Filter): string {
  return JSON.stringify(filter, (_, value) => {
    if (typeof value === "bigint") return String(value);
    return typeof value === "string" ? withoutNul(value) : value;
  });
}

function filterOfJson(text: string): Filter {
  const { playerId, eventId, ...rest } = JSON.parse(text);
  return {
    ...rest,
    ...(playerId !== undefined && { playerId: BigInt(playerId) }),
    ...(eventId !== undefined && { eventId: BigInt(eventId) }),
  };
}

/** The outcome of a replay's letters. `stored` and `died` grow after the letters are published. */
export interface JobOutcome {
  readonly stored: number;
  /** Letters that died again of the same cause. */
  readonly died: number;
  /** The newest letters that died again, and why. */
  readonly deaths: readonly { readonly messageId: string; readonly reason: string; readonly detail: string }[];
}

/** Returns the JSON of HTTP and of `--json`. */
export function jobToJson(job: Job, outcome?: JobOutcome) {
  return {
    ...{ id: job.id, act: job.act, state: job.state, filter: JSON.parse(filterToJson(job.filter)) },
    ...{ change: job.change ?? null, created_by: job.createdBy, created_at: job.createdAt },
    ...{ finished_at: job.finishedAt ?? null, rate: job.rate, total: job.total, done: job.done },
    ...{ refused: job.refused, failed: job.failed, owner: job.owner ?? null, problem: job.problem ?? null },
    ...(outcome && {
      stored: outcome.stored,
      died: outcome.died,
      deaths: outcome.deaths.map(({ messageId, reason, detail }) => ({ message_id: messageId, reason, detail })),
    }),
  };
}
