/** Checks the settings of Postgres and Redis when a subscriber starts. */
import type { Database } from "../shared/postgres/pool.ts";
import { type Clock } from "../shared/runtime/clock.ts";
import { settledWithin } from "../shared/runtime/deadline.ts";
import { PermanentError } from "../shared/runtime/errors.ts";
import { nothingListens, otherServerAt } from "../shared/runtime/server_kind.ts";
import type { SharedRates } from "./rates/shared_rates.ts";

/** Time limit of the check (ms). A slower server counts as away, and the subscriber starts without it. */
const patienceMs = 2_000;

export interface Contacts {
  readonly database: Database;
  readonly shared: SharedRates;
  readonly urls: { readonly DATABASE_URL: string; readonly REDIS_URL: string };
  readonly clock: Clock;
  /** {@linkcode otherServerAt} by default. */
  readonly otherAt?: typeof otherServerAt;
}

/**
 * Queries Postgres and Redis. A refusal at the first contact is a wrong setting and ends the start. Later refusals are
 * retried, because a password may be about to change.
 * @throws {PermanentError} with a sentence for each error that no retry cures
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
