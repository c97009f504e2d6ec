/** What the servers say to a subscriber at its start. */
import type { Database } from "../shared/postgres/pool.ts";
import { type Clock } from "../shared/runtime/clock.ts";
import { settledWithin } from "../shared/runtime/deadline.ts";
import { PermanentError } from "../shared/runtime/errors.ts";
import { nothingListens, otherServerAt } from "../shared/runtime/server_kind.ts";
import type { SharedRates } from "./rates/shared_rates.ts";

/** A server that takes longer is not waited for: it is away, and members start without it. */
const patienceMs = 2_000;

export interface Contacts {
  readonly database: Database;
  readonly shared: SharedRates;
  readonly urls: { readonly DATABASE_URL: string; readonly REDIS_URL: string };
  readonly clock: Clock;
  /** {@linkcode otherServerAt} if left out. */
  readonly otherAt?: typeof otherServerAt;
}

/**
 * Asks Postgres and Redis something. What is refused at the first contact is a mistake in a setting, and is said at once; later
 * it is tried again, for a password may be about to change.
 * @throws {PermanentError} with a sentence for each that no retry cures
 */
export async function firstContact(
  { database, shared, urls, clock, otherAt = otherServerAt }: Contacts,
): Promise<void> {
  const asked = [
    { server: "Postgres", url: urls.DATABASE_URL, answer: database.query("select 1", []) },
    { server: "Redis", url: urls.REDIS_URL, answer: shared.inspect() },
  ] as const;
  const refusals = await Promise.all(asked.map(async ({ server, url, answer }) => {
    let failure: unknown = "no answer";
    await settledWithin(
      patienceMs,
      clock,
      (answer as Promise<unknown>).then(() => failure = undefined, (error) => failure = error),
    );
    if (failure === undefined || nothingListens(failure)) return undefined;
    return failure instanceof PermanentError ? failure : await otherAt(url, server);
  }));
  const refused = refusals.flatMap((refusal) => refusal ? [refusal.message] : []);
  if (refused.length > 0) throw new PermanentError(refused.join("\n"));
}
