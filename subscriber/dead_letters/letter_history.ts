/** What happened to one message: its letters and their edits. */
import type { Database } from "../../shared/postgres/pool.ts";
import type { LetterHistory } from "../../shared/rabbitmq/dead/admin.ts";
import { statuses } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { readEdits } from "./edit_letters.ts";
import { LetterTable } from "./letter_table.ts";

/** Bounds a history: a letter that is replayed by force may die any number of times. */
const [mostLetters, mostEdits] = [100, 500];

/** @param id the message id in lower case, or the id as the publisher sent it */
export async function readLetterHistory(
  database: ConstructorParameters<typeof LetterTable>[0] & Pick<Database, "query">,
  id: string,
): Promise<LetterHistory> {
  const { letters, more } = await new LetterTable(database).page({
    ...{ filter: { ids: [id], statuses }, order: "newest", limit: mostLetters },
  });
  const { edits, more: moreEdits } = await readEdits(database, letters.map(({ id }) => id), mostEdits);
  return { letters: letters.toReversed(), edits, more: more || moreEdits };
}
