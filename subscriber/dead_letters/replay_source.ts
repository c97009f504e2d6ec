import type { Filter } from "../../shared/rabbitmq/dead/admin.ts";
import type { ReplaySource } from "../../shared/rabbitmq/dead/replay.ts";
import type { Status } from "../../shared/rabbitmq/dead/dead_letter.ts";
import type { KeptLetter } from "./letter_row.ts";
import type { LetterTable } from "./letter_table.ts";

export interface SelectionOptions {
  readonly filter: Filter;
  /** Most letters; all if left out. */
  readonly limit?: number | undefined;
  readonly order?: "oldest" | "newest";
  /** Only letters that an act applies to, whatever the filter says. */
  readonly status?: Status;
  readonly stop: AbortSignal;
}

/** As many letters at once. */
const pageSize = 100;

/** Those that match and are there when this begins, some at a time. A letter that comes, or comes back, meanwhile is not among them. */
export async function* pagesOf(
  table: LetterTable,
  { filter: asked, limit = Infinity, order = "oldest", status, stop }: SelectionOptions,
): AsyncGenerator<readonly KeptLetter[]> {
  const filter = status ? { ...asked, statuses: [status] } : asked;
  const last = await table.lastId();
  let after: bigint | undefined;
  for (let [left, goOn] = [limit, true]; goOn && left > 0 && !stop.aborted;) {
    const { letters, more } = await table.page({ filter, limit: Math.min(left, pageSize), order, after, last });
    if (letters.length > 0) yield letters;
    after = letters.at(-1)?.id;
    left -= letters.length;
    goOn = more;
  }
}

/** @param by who replays them */
export function replaySource(table: LetterTable, selection: SelectionOptions, by: string): ReplaySource<KeptLetter> {
  return {
    take: () => pagesOf(table, { ...selection, status: "dead" }),
    replayed: async (letters) => {
      await table.mark(letters.map(({ id }) => id), { status: "replayed", by });
    },
  };
}
