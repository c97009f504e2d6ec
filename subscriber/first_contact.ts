/** What the servers say to a subscriber at its start. */
import type { Database } from "../shared/postgres/pool.ts";
import { type Clock } from "../shared/runtime/clock.ts";
import { settledWithin } from "../shared/runtime/deadline.ts";
import { PermanentError } from "../shared/runtime/errors.ts";
import type { SharedRates } from "./rates/shared_rates.ts";

/** A server that takes longer is not waited for: it is away, and members start without it. */
const patienceMs = 2_000;

/**
 * Asks Postgres and Redis something. What is refused at the first contact is a mistake in a setting, and is said at once; later
 * it is tried again, for a password may be about to change.
 * @throws {PermanentError} with a sentence for each that no retry cures
 */
export async function firstContact(database: Database, shared: SharedRates, clock: Clock): Promise<void> {
  const refused: string[] = [];
  const asking = [database.query("select 1", []), shared.inspect()].map((answer: Promise<unknown>) =>
    answer.catch((error) => {
      if (error instanceof PermanentError) refused.push(error.message);
    })
  );
  await settledWithin(patienceMs, clock, Promise.all(asking));
  if (refused.length > 0) throw new PermanentError(refused.join("\n"));
}
