/** Stores enriched events in Postgres: each batch in one transaction, each event once. */
import type { Database } from "../../shared/postgres/pool.ts";
import { isDuplicate, sqlStateOf } from "../../shared/runtime/errors.ts";
import type { Enriched } from "../enriched/enriched.ts";
import type { Known, Saved, Store } from "../pipeline/edges.ts";
import { copyStatement, EventRows } from "./event_rows.ts";
import { explained, isAltered, isUndone, Layout, undoStatement } from "./layout.ts";
import { storedAlike } from "./rehearsal.ts";
import { findStored, knownAs, sameAs, type Stored, storedOf } from "./stored_events.ts";
import { addTotals } from "./totals.ts";

/**
 * The lock timeout of a dry run, and of events that timed out waiting for a lock before. The subscriber bisects such a
 * batch to find the locked event, and each part waits again while it holds the locks of other players. A shorter
 * lock_timeout of the connection stays.
 */
const shortLockTimeout = `select set_config('lock_timeout', '500ms', true)
where current_setting('lock_timeout')::interval > interval '500 ms'`;

/** SQLSTATE lock_not_available. */
const lockTimedOut = "55P03";
/** Limits `#locked`: an event that is requeued and stored by another subscriber never leaves it. */
const mostLocked = 100_000;

const noneKnown: Saved["known"] = new Map();

/** Statements before and after the writes, in the same transaction. */
interface Around {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

export class PostgresStore implements Store {
  readonly #rows: EventRows;
  /** `undefined` until it is read, and after every error. */
  #layout: Layout | undefined;
  /** Message ids of events that timed out waiting for a lock, alone or with the rest of their batch. */
  readonly #locked = new Set<string>();

  constructor(private readonly database: Database, private readonly subscriberId: string) {
    this.#rows = new EventRows(subscriberId);
  }

  /** Tries COPY first. It costs a third of an INSERT but has no ON CONFLICT, and nearly always all events are new. */
  async save(events: readonly Enriched[]): Promise<Saved> {
    if (events.length === 0) return { added: 0, known: noneKnown };
    try {
      await this.#add(events);
      return { added: events.length, known: noneKnown };
    } catch (error) {
      if (!isDuplicate(error)) throw error;
      return await this.#addUnknown(events, error);
    }
  }

  async dryRun(events: readonly Enriched[]): Promise<void> {
    try {
      await this.#add(events, { before: [shortLockTimeout], after: [undoStatement] });
    } catch (error) {
      if (!isUndone(error)) throw error;
    }
  }

  /** @param refusal the first attempt's error, thrown when no id is stored: another unique index refused a row then */
  async #addUnknown(events: readonly Enriched[], refusal: unknown): Promise<Saved> {
    /** The first event with each message id; a batch may hold several. */
    const firstById = new Map<string, Enriched>();
    for (const enriched of events) if (!firstById.has(enriched.messageId)) firstById.set(enriched.messageId, enriched);
    let fresh = [...firstById.values()];
    const known = new Map<Enriched, Known>();
    for (let tried = events; fresh.length > 0;) {
      const stored = await this.#findStored(fresh);
      fresh = fresh.filter(({ messageId }) => !stored.has(messageId));
      // Another subscriber may store some of them meanwhile, so each attempt must have fewer events than the last.
      if (fresh.length === tried.length) throw refusal;
      await this.#decide(events.filter(({ messageId }) => stored.has(messageId)), stored, known);
      if (fresh.length === 0) break;
      try {
        await this.#add(fresh);
        break;
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        refusal = error;
        tried = fresh;
      }
    }
    for (const enriched of events) {
      const first = firstById.get(enriched.messageId)!;
      if (enriched !== first && !known.has(enriched)) known.set(enriched, knownAs(enriched, storedOf(first)));
    }
    return { added: fresh.length, known };
  }

  async #findStored(events: readonly Enriched[]): Promise<ReadonlyMap<string, Stored>> {
    try {
      return await findStored(this.database, events.map(({ messageId }) => messageId));
    } catch (error) {
      throw await explained(error, events.length, this.database);
    }
  }

  /** Runs before any new event is stored: after an error here the whole batch can be retried. */
  async #decide(
    events: readonly Enriched[],
    stored: ReadonlyMap<string, Stored>,
    known: Map<Enriched, Known>,
  ): Promise<void> {
    const unlike: Enriched[] = [];
    for (const enriched of events) {
      const found = knownAs(enriched, stored.get(enriched.messageId)!);
      known.set(enriched, found);
      if ("conflict" in found) unlike.push(enriched);
    }
    if (unlike.length === 0) return;
    // A column that rounds makes a stored event look like another event. `Layout.read` throws when there is one.
    this.#layout = await Layout.read(this.database);
    if (!this.#layout.mayChangeRows) return;
    for (const enriched of await storedAlike(unlike, this.#rows, this.database)) {
      known.set(enriched, sameAs(enriched, stored.get(enriched.messageId)!.facts));
    }
  }

  async #add(
    events: readonly Enriched[],
    around: Around = { before: this.#limitFor(events), after: [] },
  ): Promise<void> {
    // Batches that share rows lock them in the same order, so they never deadlock.
    const inOrder = inOrderOfIds(events);
    const totals = addTotals(events, this.subscriberId);
    for (let isFirst = true;; isFirst = false) {
      const layout = this.#layout ??= await Layout.read(this.database);
      const statements = [
        ...around.before,
        copyStatement,
        ...layout.countRows(inOrder),
        totals,
        layout.check,
        ...around.after,
      ];
      try {
        await this.#rows.with(inOrder, (rows) => this.database.copyIn(statements, rows));
        if (this.#locked.size > 0) { for (const { messageId } of events) this.#locked.delete(messageId); }
        return;
      } catch (error) {
        if (sqlStateOf(error) === lockTimedOut) this.#remember(events);
        if (isDuplicate(error) || isUndone(error)) throw error;
        this.#layout = undefined;
        if (!isFirst || !isAltered(error)) throw await explained(error, events.length, this.database);
      }
    }
  }

  #limitFor(events: readonly Enriched[]): string[] {
    const isKnown = this.#locked.size > 0 && events.some(({ messageId }) => this.#locked.has(messageId));
    return isKnown ? [shortLockTimeout] : [];
  }

  #remember(events: readonly Enriched[]): void {
    if (this.#locked.size > mostLocked) this.#locked.clear();
    for (const { messageId } of events) this.#locked.add(messageId);
  }
}

/** Sorts by message id. Most batches are in order already, because the ids begin with the time. */
function inOrderOfIds(events: readonly Enriched[]): readonly Enriched[] {
  for (let i = 1; i < events.length; i++) {
    if (events[i - 1]!.messageId > events[i]!.messageId) {
      return events.toSorted((a, b) => a.messageId < b.messageId ? -1 : 1);
    }
  }
  return events;
}
