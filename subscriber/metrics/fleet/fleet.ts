/** What each subscriber tells the others of itself. One that is stuck is told of by all that are not. */

/** Times are ages: no two machines' clocks are compared. */
export interface SubscriberReport {
  readonly id: string;
  readonly version: string;
  readonly state: "working" | "holding" | "connecting" | "leaving";
  /** How long it has been in that state. */
  readonly state_ms: number;
  /** Whether the broker counts it among the queue's consumers. */
  readonly consuming: boolean;
  /** Deliveries that are not settled. */
  readonly events: number;
  readonly batches: number;
  /** How long ago the oldest event in hand was published; 0 when there is none. */
  readonly oldest_ms: number;
  /** How long the delivery that is in hand longest has been there; 0 when there is none. 0.2.0 does not tell. */
  readonly held_ms?: number;
  readonly last_error: string | null;
  readonly last_error_ms: number | null;
}

export interface HeardReport extends SubscriberReport {
  /** How long ago it was told. */
  readonly heard_ms: number;
}

/** For all subscribers, each of which hears it when it tells its next report. */
export interface Question {
  /** A UUID. */
  readonly id: string;
  readonly text: string;
}

/** Where the reports are kept: Redis, which a subscriber that Postgres refuses can reach all the same. */
export interface Fleet {
  /**
   * Replaces the subscriber's last report. It is forgotten after {@linkcode lifeMs}.
   * @returns the questions that are open; one is told again as long as it is
   */
  tell(report: SubscriberReport): Promise<readonly Question[]>;
  /** Opens a question for {@linkcode questionLifeMs}. @throws {TooManyQuestions} */
  ask(question: Question): Promise<void>;
  /** A subscriber's answer to a question. */
  answer(questionId: string, subscriberId: string, text: string): Promise<void>;
  /** The answer of each of these subscribers; `undefined` where there is none yet. */
  answers(questionId: string, subscriberIds: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** Forgets the subscriber. */
  leave(id: string): Promise<void>;
  /** All reports, by id. @throws when they cannot be read, or no longer be written */
  read(): Promise<readonly HeardReport[]>;
}

/** A subscriber that is killed is shown as silent for this long. */
export const lifeMs = 120_000;

/** Three reports of every subscriber, which are a second apart. */
export const questionLifeMs = 3_000;
/** An answer is read at once, or nobody waits for it any more. */
export const answerLifeMs = 10_000;
/** Each costs every subscriber a search of what it has in hand. */
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

/** `undefined` for what no subscriber of this version wrote. */
export function reportFromJson(text: string): SubscriberReport | undefined {
  try {
    const { v, ...report } = JSON.parse(text);
    const isReport = v === format && typeof report.id === "string" && typeof report.version === "string" &&
      states.includes(report.state) && typeof report.consuming === "boolean" &&
      ["state_ms", "events", "batches", "oldest_ms"].every((name) => Number.isFinite(report[name])) &&
      (report.held_ms === undefined || Number.isFinite(report.held_ms)) &&
      (report.last_error === null || typeof report.last_error === "string") &&
      (report.last_error_ms === null || Number.isFinite(report.last_error_ms));
    return isReport ? report : undefined;
  } catch {
    return undefined;
  }
}

const states: readonly unknown[] = ["working", "holding", "connecting", "leaving"];
