/** Stores enriched events in Postgres: each batch in one transaction, each event once. */
import type { Database } from "../../shared/postgres/pool.ts";
import { isDuplicate } from "../../shared/runtime/errors.ts";
import type { Enriched } from "../enriched/enriched.ts";
import type { Known, Saved, Store } from "../pipeline/edges.ts";
import { copyStatement, EventRows } from "./event_rows.ts";
import { explained, isAltered, isUndone, Layout, undoStatement } from "./layout.ts";
import { findStored, knownAs } from "./stored_events.ts";
import { totalsStatement } from "./totals.ts";

const noneKnown: Saved["known"] = new Map();

export class PostgresStore implements Store {
  readonly #rows: EventRows;
  /** `undefined` until it is read, and after every error. */
  #layout: Layout | undefined;

  constructor(private readonly database: Database, private readonly subscriberId: string) {
    this.#rows = new EventRows(subscriberId);
  }

  /** COPY costs a third of an INSERT but knows no ON CONFLICT; nearly always all events are new. */
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
      await this.#add(events, `;\n${undoStatement}`);
    } catch (error) {
      if (!isUndone(error)) throw error;
    }
  }

  /** @param refusal the error of the first attempt: thrown when no id is known, for then another unique index is in the way */
  async #addUnknown(events: readonly Enriched[], refusal: unknown): Promise<Saved> {
    /** By message id: as it is stored or, of those that come together, the first. */
    const byId = new Map<string, Enriched>();
    for (const enriched of events) if (!byId.has(enriched.messageId)) byId.set(enriched.messageId, enriched);
    let fresh = [...byId.values()];
    for (let tried = events; fresh.length > 0;) {
      const stored = await findStored(this.database, fresh.map(({ messageId }) => messageId));
      for (const [messageId, enriched] of stored) byId.set(messageId, enriched);
      fresh = fresh.filter(({ messageId }) => !stored.has(messageId));
      // Another subscriber may store one of them meanwhile: each attempt has fewer.
      if (fresh.length === tried.length) throw refusal;
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
    return { added: fresh.length, known: knownOf(events, byId) };
  }

  /** @param ending what follows in the same transaction */
  async #add(events: readonly Enriched[], ending = ""): Promise<void> {
    // Batches that share rows lock them in the same order, so they never deadlock.
    const inOrder = inOrderOfIds(events);
    const totals = totalsStatement(events, this.subscriberId);
    for (let isFirst = true;; isFirst = false) {
      const layout = this.#layout ??= await Layout.read(this.database);
      const statements = `${copyStatement};\n${layout.countRows(inOrder)}${totals};\n${layout.check}${ending}`;
      try {
        return await this.#rows.with(inOrder, (rows) => this.database.copyIn(statements, rows));
      } catch (error) {
        if (isDuplicate(error) || isUndone(error)) throw error;
        this.#layout = undefined;
        if (!isFirst || !isAltered(error)) throw await explained(error, events.length, this.database);
      }
    }
  }
}

/** What is known of those events that are not the ones that were added. */
function knownOf(events: readonly Enriched[], byId: ReadonlyMap<string, Enriched>): Map<Enriched, Known> {
  const known = new Map<Enriched, Known>();
  for (const enriched of events) {
    const stored = byId.get(enriched.messageId)!;
    if (stored !== enriched) known.set(enriched, knownAs(enriched, stored));
  }
  return known;
}

/** Mostly they are in order already: the ids begin with the time. */
function inOrderOfIds(events: readonly Enriched[]): readonly Enriched[] {
  for (let i = 1; i < events.length; i++) {
    if (events[i - 1]!.messageId > events[i]!.messageId) {
      return events.toSorted((a, b) => a.messageId < b.messageId ? -1 : 1);
    }
  }
  return events;
}
