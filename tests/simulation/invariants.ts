/** The invariants that hold at every step, and those that hold at the end. */
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Event } from "../../shared/event/event.ts";
import type { Enriched } from "../../subscriber/enriched/enriched.ts";
import type { Known, Saved } from "../../subscriber/pipeline/edges.ts";
import type { Rates } from "../../subscriber/rates/rates.ts";
import type { Life, Look, SharedRates } from "../../subscriber/rates/shared_rates.ts";
import { mostBodyBytes, mostBytesInHand } from "../../shared/rabbitmq/consume/inflow.ts";
import { type Broker, type BrokerWatch, type Message, names } from "./broker.ts";

/** An invariant is broken. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
  constructor(readonly seed: number, readonly what: string, readonly atMs: number) {
    super(`seed ${seed}, after ${atMs} ms: ${what}`);
  }
}

/** A message of the load: its event, or the reason with which it must be dead-lettered. */
export type Published = { readonly event: Event } | {
  readonly reason: string;
  /** Another acceptable reason: the broker's limits may decide between the two. */
  readonly orReason?: string;
};

export class Ledger implements BrokerWatch {
  readonly published = new Map<string, Published>();
  readonly confirmed = new Set<string>();
  readonly stored = new Set<string>();
  readonly #eventIds = new Set<bigint>();
  readonly reported = new Set<string>();
  /** Messages that have ever been in the dead letter queue. */
  readonly #elsewhere = new Set<string>();
  /** Number of events that were acked on redelivery. */
  redelivered = 0;
  violation: InvariantError | undefined;

  constructor(private readonly seed: number, private readonly clock: Clock) {}

  /** Records the first violation only: later ones may follow from it. */
  violated(what: string): void {
    this.violation ??= new InvariantError(this.seed, what, Math.round(this.clock.monotonic()));
  }

  enqueued(queue: string, { properties }: Message): void {
    const id = String(properties.messageId);
    if (queue === names.DEAD_LETTER_QUEUE) this.#elsewhere.add(id);
    if (!this.published.has(id)) this.violated(`${id} is in ${queue}, but was never published`);
  }

  acked(queue: string, { properties, deliveries }: Message): void {
    const id = String(properties.messageId);
    if (queue === names.DEAD_LETTER_QUEUE) return;
    if (deliveries > 1) this.redelivered++;
    if (!this.stored.has(id) && !this.#elsewhere.has(id)) {
      this.violated(`${id} was acked, but is neither stored nor safe in another queue`);
    }
  }

  holding(messages: Iterable<Message>): void {
    let bytes = 0;
    for (const { body, properties } of messages) {
      // One body may exceed the bound. A requeued message frees its memory just before it settles. A message in the
      // dead letter queue no longer counts, though its ack may be pending.
      if (!this.#elsewhere.has(String(properties.messageId))) bytes += body.length;
    }
    if (bytes > mostBytesInHand + 2 * mostBodyBytes) this.violated(`a member has ${bytes} bytes of bodies in hand`);
  }

  misused(what: string): void {
    this.violated(`the broker would close a channel: ${what}`);
  }

  /** Saves the rows of one transaction. */
  store(events: readonly Enriched[]): Saved {
    const known = new Map<Enriched, Known>();
    for (const enriched of events) {
      const { messageId, event, price } = enriched;
      if (this.stored.has(messageId)) {
        known.set(enriched, { stored: enriched });
        continue;
      }
      const published = this.published.get(messageId);
      if (!published || !("event" in published)) this.violated(`${messageId} is stored, but was no good event`);
      if (this.#eventIds.has(event.id)) this.violated(`event ${event.id} is stored twice, under two message ids`);
      if ("currency" in event && !price) this.violated(`${messageId} is stored without its price`);
      this.stored.add(messageId);
      this.#eventIds.add(event.id);
    }
    return { added: events.length - known.size, known };
  }

  /**
   * Checks the invariants of the end, after recovery.
   * @param dead the reason of each message in the dead letter queue
   */
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
      } else if (reason !== published.reason && (!reason || reason !== published.orReason)) {
        this.violated(
          `${id} is ${reason ? `dead-lettered as ${reason}` : "lost"}, and not dead as ${published.reason}`,
        );
      }
    }
  }
}

type Written = Awaited<ReturnType<SharedRates["write"]>>;

/** Watches the rates cache and its lock from outside, and keeps its own record of holder, pause and rates. */
export class LockWatch {
  /** The lock's holder until it releases the lock or the lock expires. */
  #holder: { token: string; until: number } | undefined;
  #pausedUntil = -Infinity;
  #cached: { asOfMs: number; freshUntil: number; usableUntil: number } | undefined;

  constructor(private readonly clock: Clock, private readonly violated: (what: string) => void) {}

  /** The server lost all its data, including the lock. */
  flushed(): void {
    this.#holder = undefined;
    this.#pausedUntil = -Infinity;
    this.#cached = undefined;
  }

  around(shared: SharedRates): SharedRates {
    return {
      lookOrLock: async (token, ttl) => this.#looked(token, ttl, await shared.lookOrLock(token, ttl)),
      write: async (token, rates, life) => this.#wrote(token, rates, life, await shared.write(token, rates, life)),
      pause: async (token, ms) => {
        await shared.pause(token, ms);
        if (this.#isHolder(token)) {
          this.#holder = undefined;
          this.#pausedUntil = this.clock.monotonic() + ms;
        }
      },
      inspect: () => shared.inspect(),
      release: async (token) => {
        await shared.release(token);
        if (this.#isHolder(token)) this.#holder = undefined;
      },
    };
  }

  #looked(token: string, ttlMs: number, look: Look): Look {
    const now = this.clock.monotonic();
    const fresh = this.#cached !== undefined && now < this.#cached.freshUntil;
    if (look.state === "locked") {
      if (this.#liveHolder(now)) this.violated("the lock was given to a second holder while the first one had it");
      if (fresh) this.violated("the lock was given out though fresh rates are there");
      if (now < this.#pausedUntil) this.violated("the lock was given out in the pause after a failed call");
      this.#holder = { token, until: now + ttlMs };
    } else if (look.state === "fresh" && !fresh) {
      this.violated("rates were given for fresh that are not");
    }
    return look;
  }

  #wrote(token: string, { asOfMs }: Rates, { freshMs, staleMs }: Life, written: Written): Written {
    const now = this.clock.monotonic();
    const holds = this.#isHolder(token);
    if (holds) this.#holder = undefined;
    if (written !== "written") return written;
    if (!holds) this.violated("rates were written by one who had lost the lock");
    if (this.#cached && now < this.#cached.usableUntil && asOfMs < this.#cached.asOfMs) {
      this.violated("newer rates were replaced by older ones");
    }
    this.#cached = { asOfMs, freshUntil: now + freshMs, usableUntil: now + freshMs + staleMs };
    return written;
  }

  #isHolder(token: string): boolean {
    return this.#liveHolder(this.clock.monotonic())?.token === token;
  }

  #liveHolder(now: number): { token: string } | undefined {
    return this.#holder && now < this.#holder.until ? this.#holder : undefined;
  }
}

/** Wraps the rates and the lock so that `send` sends each command. */
export function sentBy(
  send: <T>(command: () => Promise<T>) => Promise<T>,
  shared: () => SharedRates,
): SharedRates {
  return {
    lookOrLock: (token, ttlMs) => send(() => shared().lookOrLock(token, ttlMs)),
    write: (token, rates, life) => send(() => shared().write(token, rates, life)),
    pause: (token, ms) => send(() => shared().pause(token, ms)),
    release: (token) => send(() => shared().release(token)),
    inspect: () => shared().inspect(),
  };
}
