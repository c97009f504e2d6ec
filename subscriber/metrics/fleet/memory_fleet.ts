/** {@linkcode Fleet} in this process: for tests, and for the demo without servers. */
import type { Clock } from "../../../shared/runtime/clock.ts";
import {
  type Fleet,
  type HeardReport,
  lifeMs,
  mostQuestions,
  type Question,
  questionLifeMs,
  type SubscriberReport,
  TooManyQuestions,
} from "./fleet.ts";

export class MemoryFleet implements Fleet {
  readonly #reports = new Map<string, { readonly report: SubscriberReport; readonly at: number }>();
  #questions: { readonly question: Question; readonly until: number }[] = [];
  readonly #answers = new Map<string, string>();

  constructor(private readonly clock: Clock) {}

  tell(report: SubscriberReport): Promise<Question[]> {
    this.#reports.set(report.id, { report, at: this.clock.monotonic() });
    return Promise.resolve(this.#open().map(({ question }) => question));
  }

  ask(question: Question): Promise<void> {
    if (this.#open().length >= mostQuestions) return Promise.reject(new TooManyQuestions());
    this.#questions.push({ question, until: this.clock.monotonic() + questionLifeMs });
    return Promise.resolve();
  }

  answer(questionId: string, subscriberId: string, text: string): Promise<void> {
    this.#answers.set(`${questionId} ${subscriberId}`, text);
    return Promise.resolve();
  }

  answers(questionId: string, subscriberIds: readonly string[]): Promise<(string | undefined)[]> {
    return Promise.resolve(subscriberIds.map((id) => this.#answers.get(`${questionId} ${id}`)));
  }

  /** Returns the open questions. Drops the expired ones, and all answers once no question is open. */
  #open() {
    const now = this.clock.monotonic();
    this.#questions = this.#questions.filter(({ until }) => until > now);
    if (this.#questions.length === 0) this.#answers.clear();
    return this.#questions;
  }

  leave(id: string): Promise<void> {
    this.#reports.delete(id);
    return Promise.resolve();
  }

  read(): Promise<HeardReport[]> {
    const now = this.clock.monotonic();
    const heard = Array.from(this.#reports.values(), ({ report, at }) => ({ ...report, heard_ms: now - at }));
    const alive = heard.filter(({ heard_ms }) => heard_ms < lifeMs);
    return Promise.resolve(alive.sort((one, other) => one.id < other.id ? -1 : 1));
  }
}
