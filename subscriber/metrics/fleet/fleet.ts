/** Each subscriber's report to the others, so that every working subscriber can show a stuck one. */

/** All times are ages, so no two machines' clocks are compared. */
export interface SubscriberReport {
  readonly id: string;
  readonly version: string;
  readonly state: "working" | "holding" | "connecting" | "leaving";
  /** How long the subscriber has been in that state. */
  readonly state_ms: number;
  /** Whether the broker counts the subscriber among the queue's consumers. */
  readonly consuming: boolean;
  /** Deliveries that are not settled. */
  readonly events: number;
  readonly batches: number;
  /** How long ago the oldest event in hand was published; 0 when there is none. */
  readonly oldest_ms: number;
  /** How long the longest-held delivery has been in hand; 0 when there is none. Version 0.2.0 does not report it. */
  readonly held_ms?: number;
  /** The shards that it takes from, if not all. */
  readonly takes?: readonly number[];
  readonly last_error: string | null;
  readonly last_error_ms: number | null;
}

export interface HeardReport extends SubscriberReport {
  /** How long ago the report was written. */
  readonly heard_ms: number;
}

/** A question to all subscribers. Each receives it in reply to its next report. */
export interface Question {
  /** A UUID. */
  readonly id: string;
  readonly text: string;
}

/** Stores the reports. In production it is Redis, which a subscriber still reaches when Postgres refuses it. */
export interface Fleet {
  /**
   * Replaces the subscriber's last report, which expires after {@linkcode lifeMs}.
   * @returns all open questions, those of earlier replies too
   */
  tell(report: SubscriberReport): Promise<readonly Question[]>;
  /** Opens a question for {@linkcode questionLifeMs}. @throws {TooManyQuestions} */
  ask(question: Question): Promise<void>;
  /** Stores a subscriber's answer to a question. */
  answer(questionId: string, subscriberId: string, text: string): Promise<void>;
  /** Returns the answer of each of these subscribers; `undefined` while there is none. */
  answers(questionId: string, subscriberIds: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** Forgets the subscriber. */
  leave(id: string): Promise<void>;
  /** Returns all reports, ordered by id. @throws when reports cannot be read, or can no longer be written */
  read(): Promise<readonly HeardReport[]>;
}

/** How long a killed subscriber is shown as silent. */
export const lifeMs = 120_000;

/** Time for three reports of every subscriber, one a second. */
export const questionLifeMs = 3_000;
/** Answers are read at once, or their reader has stopped waiting. */
export const answerLifeMs = 10_000;
/** For each question, every subscriber searches all that it has in hand. */
export const mostQuestions = 10;

export class TooManyQuestions extends Error {
  override readonly name = "TooManyQuestions";
  constructor() {
    super(`the limit is ${mostQuestions} questions to subscribers at once; try again in a few seconds`);
  }
}

const format = 1;

export function reportToJson(report: SubscriberReport): string {
  return JSON.stringify({ v: format, ...report });
}

/** Returns `undefined` for a text that is not a report in this format. */
export function reportFromJson(text: string): SubscriberReport | undefined {
  try {
    const { v, ...report } = JSON.parse(text);
    const isReport = v === format && typeof report.id === "string" && typeof report.version === "string" &&
      states.includes(report.state) && typeof report.consuming === "boolean" &&
      ["state_ms", "events", "batches", "oldest_ms"].every((name) => Number.isFinite(report[name])) &&
      (report.held_ms === undefined || Number.isFinite(report.held_ms)) &&
      (report.takes === undefined || Array.isArray(report.takes) && report.takes.every(Number.isInteger)) &&
      (report.last_error === null || typeof report.last_error === "string") &&
      (report.last_error_ms === null || Number.isFinite(report.last_error_ms));
    return isReport ? report : undefined;
  } catch {
    return undefined;
  }
}

const states: readonly unknown[] = ["working", "holding", "connecting", "leaving"];
