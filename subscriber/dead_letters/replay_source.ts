import type { Filter } from "../../shared/rabbitmq/dead/admin.ts";
import type { ReplaySource } from "../../shared/rabbitmq/dead/replay.ts";
import type { KeptLetter } from "./letter_row.ts";
import type { LetterTable } from "./letter_table.ts";

export interface SelectionOptions {
  readonly filter: Filter;
  /** Most letters; all if left out. */
  readonly limit?: number | undefined;
  readonly order?: "oldest" | "newest";
  /** Of each body no more is read. */
  readonly mostBodyBytes?: number | undefined;
  readonly stop: AbortSignal;
}

/** As many letters at once. */
const pageSize = 100;

/** Those that match and are there when this begins, some at a time. A letter that comes, or comes back, meanwhile is not among them. */
export async function* pagesOf(
  table: LetterTable,
  { filter, limit = Infinity, order = "oldest", mostBodyBytes, stop }: SelectionOptions,
): AsyncGenerator<readonly KeptLetter[]> {
  const last = await table.lastId();
  let after: bigint | undefined;
  for (let [left, goOn] = [limit, true]; goOn && left > 0 && !stop.aborted;) {
    const page = { filter, limit: Math.min(left, pageSize), order, after, last, mostBodyBytes };
    const { letters, more } = await table.page(page);
    if (letters.length > 0) yield letters;
    after = letters.at(-1)?.id;
    left -= letters.length;
    goOn = more;
  }
}

/** @param by who replays them */
export function replaySource(table: LetterTable, selection: SelectionOptions, by: string): ReplaySource<KeptLetter> {
  return {
    take: () => pagesOf(table, selection),
    whole: (letter) => table.whole(letter),
    replayed: async (letters) => {
      await table.mark(letters.map(({ id }) => id), { status: "replayed", by });
    },
  };
}
