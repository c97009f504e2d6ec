/** Letters that the table rejects individually: which to retry, and when. */
import type { Clock } from "../../../shared/runtime/clock.ts";
import type { LetterInHand } from "./letter_session.ts";

/** Maximum bytes in memory. Letters beyond it are retried after a redelivery. */
const mostBytes = 4_194_304;
/** Memory per letter in addition to its bytes. */
const overheadBytes = 2_048;
/** Maximum number of letters per retry: no new letters are moved meanwhile. */
const mostTried = 100;

interface Rejected {
  readonly letter: LetterInHand;
  problem: string;
}

/** The number of rejected letters, and one of them. */
export interface RejectedTold {
  readonly letters: number;
  readonly messageId: string;
  readonly problem: string;
}

export class RejectedLetters {
  /** In the order of their rejection. */
  #letters: Rejected[] = [];
  #bytes = 0;
  /** Rejected letters that are not in memory. */
  #forgotten: RejectedTold | undefined;
  /** Index of the next letter to retry. */
  #next = 0;
  #dueAt = Infinity;

  /** @param againMs delay before each retry */
  constructor(private readonly clock: Clock, private readonly againMs: number) {}

  add(letter: LetterInHand, problem: string): void {
    const { row } = letter;
    if (this.#bytes + bytesOf(letter) > mostBytes) {
      const { messageId } = row.letter;
      this.#forgotten = { letters: (this.#forgotten?.letters ?? 0) + 1, messageId, problem };
      return;
    }
    this.#bytes += bytesOf(letter);
    // Copied: the arrays are views of socket buffers, which would stay in memory as a whole.
    const copied = { ...row, properties: Uint8Array.from(row.properties), body: Uint8Array.from(row.body) };
    this.#letters.push({ letter: { ...letter, row: copied }, problem });
    if (this.#letters.length === 1) this.postpone();
  }

  /** The rejected letters; `undefined` when there are none. */
  get told(): RejectedTold | undefined {
    const [first] = this.#letters;
    if (!first) return this.#forgotten;
    const letters = this.#letters.length + (this.#forgotten?.letters ?? 0);
    return { letters, messageId: first.letter.row.letter.messageId, problem: first.problem };
  }

  /** Milliseconds until the next retry; `Infinity` without rejected letters. */
  get dueInMs(): number {
    return Math.max(0, this.#dueAt - this.clock.monotonic());
  }

  postpone(): void {
    this.#dueAt = this.#letters.length > 0 ? this.clock.monotonic() + this.againMs : Infinity;
  }

  /** Returns the next letters to retry. The calls cycle through all letters. */
  turn(): LetterInHand[] {
    if (this.#next >= this.#letters.length) this.#next = 0;
    const turn = this.#letters.slice(this.#next, this.#next + mostTried);
    this.#next += turn.length;
    return turn.map(({ letter }) => letter);
  }

  /**
   * Removes a letter that the table took. The next turn begins with the first letter: the table may take it now too.
   */
  remove(letter: LetterInHand): void {
    this.#letters = this.#letters.filter((each) => each.letter !== letter);
    this.#bytes -= bytesOf(letter);
    this.#next = 0;
  }

  rejectedAgain(letter: LetterInHand, problem: string): void {
    const rejected = this.#letters.find((each) => each.letter === letter);
    if (rejected) rejected.problem = problem;
  }
}

function bytesOf({ row }: LetterInHand): number {
  return row.bytes + overheadBytes;
}
