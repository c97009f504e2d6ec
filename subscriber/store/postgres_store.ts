/** Stores enriched events in Postgres: each batch in one transaction, each event once. */
import { arrayLiteral } from "../../shared/postgres/copy_rows.ts";
import type { Database } from "../../shared/postgres/pool.ts";
import { isDuplicate } from "../../shared/runtime/errors.ts";
import type { Enriched } from "../enriched/enriched.ts";
import type { Store } from "../pipeline/edges.ts";
import { copyStatement, EventRows } from "./event_rows.ts";
import { totalsStatement } from "./totals.ts";

const findStatement = "select message_id from events where message_id = any($1::uuid[])";

export class PostgresStore implements Store {
  readonly #rows: EventRows;

  constructor(private readonly database: Database, private readonly subscriberId: string) {
    this.#rows = new EventRows(subscriberId);
  }

  /** COPY costs a third of an INSERT but knows no ON CONFLICT; nearly always all events are new. */
  async save(events: readonly Enriched[]): Promise<number> {
    if (events.length === 0) return 0;
    try {
      await this.#add(events);
      return events.length;
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    const fresh = await this.#withoutStored(events);
    // Another subscriber may store one of them meanwhile: each retry has fewer.
    if (fresh.length === events.length) {
      throw new Error("Postgres refused an event as a duplicate, but has no such row");
    }
    return await this.save(fresh);
  }

  async #add(events: readonly Enriched[]): Promise<void> {
    // Batches that share rows lock them in the same order, so they never deadlock.
    const statements = `${copyStatement};\n${totalsStatement(events, this.subscriberId)}`;
    await this.#rows.with(inOrderOfIds(events), (rows) => this.database.copyIn(statements, rows));
  }

  /** The events that are not stored, each once. */
  async #withoutStored(events: readonly Enriched[]): Promise<Enriched[]> {
    const fresh = new Map(events.map((enriched) => [enriched.messageId, enriched]));
    const stored = await this.database.query(findStatement, [arrayLiteral([...fresh.keys()])]);
    for (const [messageId] of stored) fresh.delete(messageId!);
    return [...fresh.values()];
  }
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
