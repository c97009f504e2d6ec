/** Letters that the table rejects each for its own sake, until it takes them: which of them to try again, and when. */
import type { Clock } from "../../../shared/runtime/clock.ts";
import type { LetterInHand } from "./letter_session.ts";

/** Most bytes of those in memory. Others are tried again when the broker delivers them again. */
const mostBytes = 4_194_304;
/** What a letter takes in memory besides its bytes. */
const overheadBytes = 2_048;
/** As many at most are tried at once: meanwhile no new letters are kept. */
const mostTried = 100;

interface Rejected {
  readonly letter: LetterInHand;
  problem: string;
}

/** How many, and one of them. */
export interface RejectedTold {
  readonly letters: number;
  readonly messageId: string;
  readonly problem: string;
}

export class RejectedLetters {
  /** In the order in which they were rejected. */
  #letters: Rejected[] = [];
  #bytes = 0;
  /** Those that are not in memory. */
  #forgotten: RejectedTold | undefined;
  /** The next to be tried. */
  #next = 0;
  #dueAt = Infinity;

  /** @param againMs after which the first of them are tried again, and after that others */
  constructor(private readonly clock: Clock, private readonly againMs: number) {}

  add(letter: LetterInHand, problem: string): void {
    const { row } = letter;
    if (this.#bytes + bytesOf(letter) > mostBytes) {
      const { messageId } = row.letter;
      this.#forgotten = { letters: (this.#forgotten?.letters ?? 0) + 1, messageId, problem };
      return;
    }
    this.#bytes += bytesOf(letter);
    // A copy: these are parts of what the socket brought, of which all would stay in memory.
    const copied = { ...row, properties: Uint8Array.from(row.properties), body: Uint8Array.from(row.body) };
    this.#letters.push({ letter: { ...letter, row: copied }, problem });
    if (this.#letters.length === 1) this.postpone();
  }

  /** `undefined` when there is none. */
  get told(): RejectedTold | undefined {
    const [first] = this.#letters;
    if (!first) return this.#forgotten;
    const letters = this.#letters.length + (this.#forgotten?.letters ?? 0);
    return { letters, messageId: first.letter.row.letter.messageId, problem: first.problem };
  }

  /** Milliseconds until some should be tried again; infinite while there are none. */
  get dueInMs(): number {
    return Math.max(0, this.#dueAt - this.clock.monotonic());
  }

  postpone(): void {
    this.#dueAt = this.#letters.length > 0 ? this.clock.monotonic() + this.againMs : Infinity;
  }

  /** Those whose turn it is, so that in time each is tried, however many there are. */
  turn(): LetterInHand[] {
    if (this.#next >= this.#letters.length) this.#next = 0;
    const turn = this.#letters.slice(this.#next, this.#next + mostTried);
    this.#next += turn.length;
    return turn.map(({ letter }) => letter);
  }

  /** The table has it now. What was rejected before it may be taken as well: the next turn begins with the first. */
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
