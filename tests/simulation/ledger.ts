/** The invariants of every step, and those of the end, whatever goes wrong. */
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Event } from "../../shared/event/event.ts";
import type { Enriched } from "../../subscriber/enriched/enriched.ts";
import { type Broker, type BrokerWatch, type Message, names } from "./broker.ts";

/** Something happened that must not happen, ever. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
  constructor(readonly seed: number, readonly what: string, readonly atMs: number) {
    super(`seed ${seed}, after ${atMs} ms: ${what}`);
  }
}

/** A message of the load: its event or, for a bad one, the reason of its dead letter. */
export type Published = { readonly event: Event } | { readonly reason: string };

interface Total {
  bets: number;
  wins: number;
  depositsEur: bigint;
}

export class Ledger implements BrokerWatch {
  readonly published = new Map<string, Published>();
  readonly confirmed = new Set<string>();
  readonly stored = new Map<string, Enriched>();
  readonly #eventIds = new Set<bigint>();
  readonly totals = new Map<bigint, Total>();
  readonly reported = new Set<string>();
  /** Messages that were in the dead letter queue or a delay queue at any time. */
  readonly #elsewhere = new Set<string>();
  acks = 0;
  violation: InvariantError | undefined;

  constructor(private readonly seed: number, private readonly clock: Clock) {}

  /** Keeps the first one: later ones may follow from it. */
  violated(what: string): void {
    this.violation ??= new InvariantError(this.seed, what, Math.round(this.clock.monotonic()));
  }

  enqueued(queue: string, { properties }: Message): void {
    const id = String(properties.messageId);
    if (queue !== names.EVENTS_QUEUE) this.#elsewhere.add(id);
    if (!this.published.has(id)) this.violated(`${id} is in ${queue}, but was never published`);
  }

  acked(queue: string, { properties }: Message): void {
    const id = String(properties.messageId);
    if (queue !== names.EVENTS_QUEUE) return;
    this.acks++;
    if (!this.stored.has(id) && !this.#elsewhere.has(id)) {
      this.violated(`${id} was acked, but is neither stored nor safe in another queue`);
    }
  }

  misused(what: string): void {
    this.violated(`the broker would close a channel: ${what}`);
  }

  /** The rows of one transaction. */
  store(events: readonly Enriched[]): number {
    let added = 0;
    for (const enriched of events) {
      const { messageId, event, price } = enriched;
      if (this.stored.has(messageId)) continue;
      const published = this.published.get(messageId);
      if (!published || !("event" in published)) this.violated(`${messageId} is stored, but was no good event`);
      if (this.#eventIds.has(event.id)) this.violated(`event ${event.id} is stored twice, under two message ids`);
      if ("currency" in event && !price) this.violated(`${messageId} is stored without its price`);
      this.stored.set(messageId, enriched);
      this.#eventIds.add(event.id);
      this.#add(enriched);
      added++;
    }
    return added;
  }

  /** Once all is well and quiet again. @param dead the reason of each message in the dead letter queue */
  checkEnd(broker: Broker, dead: ReadonlyMap<string, string>): void {
    for (const [queue, count] of broker.waiting()) {
      if (queue !== names.DEAD_LETTER_QUEUE && count > 0) this.violated(`${count} messages are left in ${queue}`);
    }
    for (const id of this.confirmed) {
      const published = this.published.get(id)!;
      const reason = dead.get(id);
      if ("event" in published) {
        if (!this.stored.has(id)) this.violated(`${id} was confirmed, but is not stored${reason ? `: ${reason}` : ""}`);
        else if (!this.reported.has(id)) this.violated(`${id} is stored, but was never reported`);
      } else if (reason !== published.reason) {
        this.violated(
          `${id} is ${reason ? `dead-lettered as ${reason}` : "lost"}, and not dead as ${published.reason}`,
        );
      }
    }
    this.#checkTotals();
  }

  #add({ event, price }: Enriched): void {
    if (event.type !== "bet" && event.type !== "deposit") return;
    const total = this.totals.get(event.playerId) ?? { bets: 0, wins: 0, depositsEur: 0n };
    if (event.type === "bet") total.bets++;
    if (event.type === "bet" && event.hasWon) total.wins++;
    if (event.type === "deposit") total.depositsEur += price?.eurCents ?? 0n;
    this.totals.set(event.playerId, total);
  }

  #checkTotals(): void {
    let bets = 0;
    for (const { event } of this.stored.values()) if (event.type === "bet") bets++;
    let counted = 0;
    for (const total of this.totals.values()) counted += total.bets;
    if (bets !== counted) this.violated(`${counted} bets in the totals, ${bets} in the rows`);
  }
}
