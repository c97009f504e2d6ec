/**
 * Writes letters into the table, in order, and tells a letter that Postgres refuses for its own sake from a schema that refuses
 * all: by whether the table takes others, whatever the error says.
 */
import { classifyStoreError } from "../../../shared/runtime/errors.ts";
import type { LetterRow } from "../letter_row.ts";
import type { LetterTable } from "../letter_table.ts";
import { likeness, plainLetter } from "../probe_letters.ts";

export type WrittenTable = Pick<LetterTable, "keep" | "rehearse">;

/** What became of a batch; each of its letters is in one of the three. */
export interface Written {
  readonly taken: readonly LetterRow[];
  /** Each was refused alone, with this error, and the table took another afterwards. */
  readonly rejected: ReadonlyMap<LetterRow, unknown>;
  /** Postgres does not answer, or nothing shows that it takes any letter. */
  readonly left: readonly LetterRow[];
  /** Why letters are left. */
  readonly problem: unknown;
}

interface Found {
  readonly taken: LetterRow[];
  readonly rejected: Map<LetterRow, unknown>;
  /** Were refused alone since the table took a letter last. */
  readonly suspects: Map<LetterRow, unknown>;
  /** No more is attempted: the database is away. */
  away: unknown;
}

/** Larger letters are not remembered as an example. */
const mostExampleBytes = 8_192;

export class LetterWriter {
  /** The last letter that was taken. */
  #example: LetterRow | undefined;

  constructor(private readonly table: WrittenTable) {}

  /**
   * Never rejects.
   * @param isThorough divides the batch even though no other letter is taken: one of its own may be
   */
  async write(rows: readonly LetterRow[], isThorough: boolean): Promise<Written> {
    const error = await this.#attempt(rows);
    if (error === undefined) return { taken: rows, rejected: new Map(), left: [], problem: undefined };
    const left = { taken: [], rejected: new Map(), left: rows, problem: error };
    if (classifyStoreError(error) === "away") return left;
    const takesOthers = await this.#takesOthers(rows[0]!);
    // By a doubtful error each part may run into the statement's time.
    if (!takesOthers && !(isThorough && classifyStoreError(error) === "refused")) return left;
    const found: Found = { taken: [], rejected: new Map(), suspects: new Map(), away: undefined };
    await this.#divide(rows, error, found);
    return await this.#judge(rows, found);
  }

  /** @returns the error, unless the table takes the letter */
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

  /** In halves and in order, until each letter that is refused stands alone. */
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

  /** Whether the table takes a letter like one that it took before, or one of few words. */
  async #takesOthers(refused: LetterRow): Promise<boolean> {
    const probes = [plainLetter(refused)];
    if (this.#example) probes.unshift(likeness(this.#example));
    for (const probe of probes) {
      try {
        await this.table.rehearse(probe);
        return true;
      } catch {
        // A probe may be refused for its own sake: that says nothing of others.
      }
    }
    return false;
  }
}

function reject({ rejected, suspects }: Found): void {
  for (const [row, error] of suspects) rejected.set(row, error);
  suspects.clear();
}
