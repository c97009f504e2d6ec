import type { Filter } from "../../shared/rabbitmq/dead/admin.ts";
import type { ReplaySource } from "../../shared/rabbitmq/dead/replay.ts";
import type { Status } from "../../shared/rabbitmq/dead/dead_letter.ts";
import type { Random } from "../../shared/runtime/random.ts";
import type { LetterClaims } from "./claims.ts";
import type { KeptLetter } from "./letter_row.ts";
import type { LetterTable } from "./letter_table.ts";

export interface SelectionOptions {
  readonly filter: Filter;
  /** Maximum number of letters; all by default. */
  readonly limit?: number | undefined;
  readonly order?: "oldest" | "newest";
  /** Overrides the statuses of the filter: an act applies to letters of one status. */
  readonly status?: Status;
  /** Maximum number of letters per page. */
  readonly pageSize?: number;
  /** Bytes of each body to read. */
  readonly mostBodyBytes?: number | undefined;
  readonly stop: AbortSignal;
}

/** Maximum number of letters per page. */
const mostOnAPage = 100;
const secondsPerPage = 5;

/** Yields the matching letters page by page. Leaves out letters that are added after the first call. */
export async function* pagesOf(
  table: LetterTable,
  { filter: asked, limit = Infinity, order = "oldest", status, pageSize = mostOnAPage, mostBodyBytes, stop }:
    SelectionOptions,
): AsyncGenerator<readonly KeptLetter[]> {
  const filter = status ? { ...asked, statuses: [status] } : asked;
  const last = await table.lastId();
  let after: bigint | undefined;
  for (let [left, goOn] = [limit, true]; goOn && left > 0 && !stop.aborted;) {
    const most = Math.min(left, pageSize, mostOnAPage);
    const { letters, more } = await table.page({ filter, limit: most, order, after, last, mostBodyBytes });
    if (letters.length > 0) yield letters;
    after = letters.at(-1)?.id;
    left -= letters.length;
    goOn = more;
  }
}

export interface ReplaySourceOptions extends SelectionOptions {
  /** The operator. */
  readonly by: string;
  /** Letters per second. Bounds a page, so that no claim expires before its letter is published. */
  readonly rate?: number | undefined;
  readonly random: Pick<Random, "bytes">;
}

/** Returns a source that claims letters before their publication, and reads them after the claim. */
export function replaySource(
  table: LetterTable,
  claims: LetterClaims,
  options: ReplaySourceOptions,
): ReplaySource<KeptLetter> {
  const { by, rate = mostOnAPage, random } = options;
  const claim = random.bytes(16).toHex();
  const ids = (letters: readonly KeptLetter[]) => letters.map(({ id }) => id);
  async function* take() {
    for await (const letters of pagesOf(table, { ...options, status: "dead", pageSize: rate * secondsPerPage })) {
      const claimed = await claims.claim(ids(letters), claim);
      // Read again: an edit may have come between the first read and the claim.
      if (claimed.length > 0) yield await table.read(claimed, options.order === "newest" ? "desc" : "asc");
    }
  }
  return {
    take,
    whole: (letter) => table.whole(letter),
    replayed: (letters) => claims.markReplayed(ids(letters), claim, by),
    kept: (letters, published) => claims.unclaim(ids(letters), claim, published),
  };
}
