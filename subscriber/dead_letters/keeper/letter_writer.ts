/**
 * Writes letters into the table, in order. Tells a letter that Postgres refuses for its own sake from a schema that
 * refuses everything: by whether the table takes other letters, not by the error.
 */
import { classifyStoreError } from "../../../shared/runtime/errors.ts";
import type { LetterRow } from "../letter_row.ts";
import type { LetterTable } from "../letter_table.ts";
import { likeness, plainLetter } from "../probe_letters.ts";

export type WrittenTable = Pick<LetterTable, "keep" | "rehearse">;

/** The outcome of a batch: each letter is in `taken`, `rejected` or `left`. */
export interface Written {
  readonly taken: readonly LetterRow[];
  /** Letters refused alone, with the error. The table took another letter afterwards. */
  readonly rejected: ReadonlyMap<LetterRow, unknown>;
  /** Letters not decided: Postgres is away, or took no other letter since. */
  readonly left: readonly LetterRow[];
  /** The error of the letters in `left`. */
  readonly problem: unknown;
}

interface Found {
  readonly taken: LetterRow[];
  readonly rejected: Map<LetterRow, unknown>;
  /** Letters refused alone since the table last took a letter. */
  readonly suspects: Map<LetterRow, unknown>;
  /** Set when the database is away: the error that ends the attempts. */
  away: unknown;
}

/** Largest letter that is remembered as an example. */
const mostExampleBytes = 8_192;

export class LetterWriter {
  /** The last letter that the table took. */
  #example: LetterRow | undefined;

  constructor(private readonly table: WrittenTable) {}

  /**
   * Writes letters. Never rejects.
   * @param isThorough divides the batch even when the table takes no probe: it may take some of the batch
   */
  async write(rows: readonly LetterRow[], isThorough: boolean): Promise<Written> {
    const error = await this.#attempt(rows);
    if (error === undefined) return { taken: rows, rejected: new Map(), left: [], problem: undefined };
    const left = { taken: [], rejected: new Map(), left: rows, problem: error };
    if (classifyStoreError(error) === "away") return left;
    const takesOthers = await this.#takesOthers(rows[0]!);
    // With a doubtful error, each part may time out.
    if (!takesOthers && !(isThorough && classifyStoreError(error) === "refused")) return left;
    const found: Found = { taken: [], rejected: new Map(), suspects: new Map(), away: undefined };
    await this.#divide(rows, error, found);
    return await this.#judge(rows, found);
  }

  /** Writes one letter. @returns the error; `undefined` when the table took the letter */
  async writeAlone(row: LetterRow): Promise<unknown> {
    return await this.#attempt([row]);
  }

  async #attempt(rows: readonly LetterRow[]): Promise<unknown> {
    try {
      await this.table.keep(rows);
    } catch (error) {
      return error ?? new Error("unknown");
    }
    const last = rows.at(-1);
    if (last && last.bytes <= mostExampleBytes) this.#example = last;
    return undefined;
  }

  /** Writes the rows in halves, in order, until each refused letter is alone. */
  async #divide(rows: readonly LetterRow[], error: unknown, found: Found): Promise<void> {
    if (rows.length === 1) {
      found.suspects.set(rows[0]!, error);
      return;
    }
    const half = rows.length >> 1;
    for (const part of [rows.slice(0, half), rows.slice(half)]) {
      if (found.away !== undefined) return;
      const refusal = await this.#attempt(part);
      if (refusal === undefined) {
        found.taken.push(...part);
        reject(found);
      } else if (classifyStoreError(refusal) === "away") {
        found.away = refusal;
      } else {
        await this.#divide(part, refusal, found);
      }
    }
  }

  async #judge(rows: readonly LetterRow[], found: Found): Promise<Written> {
    const { taken, rejected, suspects, away } = found;
    const [suspect] = suspects.keys();
    if (suspect && away === undefined && await this.#takesOthers(suspect)) reject(found);
    const done = new Set<LetterRow>([...taken, ...rejected.keys()]);
    const problem = away ?? suspects.values().next().value;
    return { taken, rejected, left: rows.filter((row) => !done.has(row)), problem };
  }

  /** Whether the table takes a probe: a letter like the last one it took, or a minimal letter. */
  async #takesOthers(refused: LetterRow): Promise<boolean> {
    const probes = [plainLetter(refused)];
    if (this.#example) probes.unshift(likeness(this.#example));
    for (const probe of probes) {
      try {
        await this.table.rehearse(probe);
        return true;
      } catch {
        // A probe may be refused for its own sake: that is no evidence about other letters.
      }
    }
    return false;
  }
}

function reject({ rejected, suspects }: Found): void {
  for (const [row, error] of suspects) rejected.set(row, error);
  suspects.clear();
}
