import type { DeadLetter } from "./dead_letter.ts";
import type { Filter } from "./dead_letter_queue.ts";

/**
 * What an operator can do with dead letters, whatever queue holds them. Each operation looks at the oldest
 * {@linkcode mostLookedAt} letters at most, and at those alone that were there when it began. One that runs out of time
 * stops where it is, and tells what it has done.
 */
export interface DeadLetterAdmin {
  /** Those that match, oldest first, and how many letters there are in all. They stay where they are. */
  list(options: ListOptions): Promise<Listed<DeadLetter>>;
  /** @param show what to keep of each: bodies are of any size */
  list<T>(options: ListOptions, show: (letter: DeadLetter) => T): Promise<Listed<T>>;

  /**
   * Publishes again what matches, under its own id. `refused`: it was replayed ten times and died each time; `failed`: no
   * queue took it. Both stay where they are.
   */
  replay(options: AdminOptions): Promise<Replays>;

  /** Removes what matches, for good. @returns how many letters that were */
  drop(options: AdminOptions): Promise<number>;

  close(): Promise<void>;
}

export interface Listed<T> {
  readonly letters: readonly T[];
  readonly total: number;
}

export interface AdminOptions {
  /** Its ids in lower case. */
  readonly filter: Filter;
  /** Stops before the next letter; then its reason is thrown. */
  readonly signal: AbortSignal;
}

export interface ListOptions extends AdminOptions {
  readonly limit: number;
}

export interface Replays {
  readonly replayed: number;
  readonly refused: number;
  readonly failed: number;
  /** Why the first of those that failed did so. */
  readonly problem?: string;
}

/** A scan that no filter ends sooner takes seconds, in which nobody else sees the letters. */
export const mostLookedAt = 10_000;

/** What was asked for was not begun or not ended in time: an answer of the kind "try again". */
export class DeadLetterTimeout extends Error {
  override readonly name = "DeadLetterTimeout";
}

/** Nothing more is done once it is closed. */
export class AdminClosed extends Error {
  override readonly name = "AdminClosed";
  constructor() {
    super("The admin for dead letters is closed.");
  }
}
