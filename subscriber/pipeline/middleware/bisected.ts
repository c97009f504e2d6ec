import type { EventType } from "../../../shared/event/kinds.ts";
import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import { type Dead, dead } from "../../../shared/rabbitmq/outcome.ts";
import { classifyStoreError, describeRefusal, sqlStateOf } from "../../../shared/runtime/errors.ts";
import type { DatabaseGate } from "../database_gate.ts";
import { type Middleware, type Process, type Processed, requeued } from "../entry.ts";
import { eventOf, type Evidence } from "../evidence.ts";
import type { Permits } from "../permits.ts";
import type { Hold } from "./hold.ts";

/** How many attempts in a row may be refused before a probe has to tell whether it is worth to go on. */
const mostInVain = 16;
/** How often an event must be refused between others that were taken; and how often when it was held in between. */
const [strikesAtOnce, strikesBeyondHolds] = [3, 4];

export interface BisectedOptions {
  readonly evidence: Evidence;
  readonly hold: Hold;
  readonly gate: Pick<DatabaseGate, "leave">;
  readonly permits: Pick<Permits, "takeBack">;
}

/**
 * Finds the events for whose sake a batch is refused, and dead-letters them; all others are stored, each once: a part of a batch is
 * processed again only when nothing of it was stored. The rule, whatever the error says:
 *
 * - An event is poisonous when it was refused, alone, three times between events of its type that the database took; if it was
 *   held meanwhile, four times. For a schema may come and go, and other batches are stored meanwhile.
 * - While the database takes none of its type, the schema is at fault: what is refused is held.
 *
 * The other event may be of the same batch or of any other batch of this subscriber, which gets the permit of what is held: two
 * poisonous events do not stop the others, and need them to be told apart. When none comes, be it that there is none or
 * that all in hand are poisonous, a probe stands in for it ({@linkcode Evidence.probe}).
 */
export function bisected(options: BisectedOptions): Middleware {
  const { evidence, hold, permits } = options;
  return (process) => {
    const attempt = evidence.watch(process);
    return async (batch, signal) => {
      try {
        return await attempt(batch, signal);
      } catch (error) {
        if (classifyStoreError(error) === "away") throw error;
        const group = refusedNow(batch, error, evidence);
        const holdAside: Hold = (...held) => {
          permits.takeBack(batch);
          return hold(...held);
        };
        return await new Bisection(attempt, { ...options, hold: holdAside }, signal).settle(group);
      }
    };
  };
}

/** Deliveries that were refused together, or one that was refused alone. */
interface Refused {
  readonly deliveries: readonly Delivery[];
  readonly error: unknown;
  /** The moment of the last refusal. */
  readonly since: number;
  /** Of what was refused alone. */
  readonly type?: EventType | undefined;
  /** How often it was refused after another event was taken. */
  readonly strikes: number;
  /** Since its last refusal. */
  readonly wasHeld: boolean;
}

class Bisection {
  readonly #processed = new Map<Delivery, Processed>();
  #inVain = 0;

  constructor(
    private readonly attempt: Process,
    private readonly options: BisectedOptions,
    private readonly signal: AbortSignal,
  ) {}

  /** @returns what became of each delivery of the batch, in its order */
  async settle(batch: Refused): Promise<Processed[]> {
    const { hold } = this.options;
    let refused: readonly Refused[] = [batch];
    for (let holds = 0; refused.length > 0;) {
      this.#inVain = 0;
      refused = await this.#divide(refused);
      const [first] = refused;
      // Each round with evidence gets on: it divides a group, or decides on an event.
      if (!first || await this.#isEvidence(refused)) continue;
      const deliveries = refused.flatMap((group) => group.deliveries);
      await hold(deliveries, first.error, ++holds, this.signal);
      refused = refused.map((group) => ({ ...group, wasHeld: true }));
      if (this.signal.aborted) this.#requeue(deliveries);
      else if (await this.#refusalOf(deliveries)) continue;
      break;
    }
    return batch.deliveries.map((delivery) => this.#processed.get(delivery)!);
  }

  /** Whether the database took an event after one of the refusals. Asks it, if need be, by one probe for each type. */
  async #isEvidence(refused: readonly Refused[]): Promise<boolean> {
    const isThere = () => refused.some(({ since, type }) => this.options.evidence.since(since, type));
    if (isThere()) return true;
    const byType = new Map(refused.map(({ deliveries, type }) => [type, deliveries[0]!]));
    for (const delivery of byType.values()) await this.options.evidence.probe(delivery, this.signal);
    return isThere();
  }

  /** Tries each group in halves, and each event that was refused alone once more. @returns what is undecided */
  async #divide(refused: readonly Refused[]): Promise<Refused[]> {
    const undecided: Refused[] = [];
    const stack = refused.toReversed();
    for (let group; (group = stack.pop());) {
      if (this.#inVain >= mostInVain && !this.options.evidence.since(group.since, group.type)) undecided.push(group);
      else if (group.deliveries.length > 1) stack.push(...await this.#halve(group.deliveries));
      else undecided.push(...await this.#decide(group));
    }
    return undecided;
  }

  /** @returns those halves that are refused, the right one first */
  async #halve(deliveries: readonly Delivery[]): Promise<Refused[]> {
    const half = Math.ceil(deliveries.length / 2);
    const left = await this.#refusalOf(deliveries.slice(0, half));
    const right = await this.#refusalOf(deliveries.slice(half));
    return [right, left].filter((refused) => refused !== undefined);
  }

  /** @returns the event, if it is undecided still */
  async #decide(group: Refused): Promise<Refused[]> {
    const { deliveries, error, since, type, strikes, wasHeld } = group;
    const isEvidence = this.options.evidence.since(since, type);
    if (isEvidence && strikes >= (wasHeld ? strikesBeyondHolds : strikesAtOnce)) {
      const delivery = deliveries[0]!;
      this.#processed.set(delivery, { delivery, facts: undefined, outcome: poisonous(error) });
      this.options.gate.leave(deliveries);
      return [];
    }
    const again = await this.#refusalOf(deliveries);
    return again ? [{ ...again, strikes: strikes + Number(isEvidence) }] : [];
  }

  /** `undefined` when each of them has its outcome. */
  async #refusalOf(deliveries: readonly Delivery[]): Promise<Refused | undefined> {
    try {
      for (const entry of await this.attempt(deliveries, this.signal)) this.#processed.set(entry.delivery, entry);
      this.#inVain = 0;
      return undefined;
    } catch (error) {
      if (classifyStoreError(error) === "away") throw error;
      this.#inVain++;
      return refusedNow(deliveries, error, this.options.evidence);
    }
  }

  #requeue(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#processed.set(delivery, requeued(delivery));
    this.options.gate.leave(deliveries);
  }
}

function refusedNow(deliveries: readonly Delivery[], error: unknown, evidence: Evidence): Refused {
  const type = deliveries.length === 1 ? eventOf(deliveries[0]!)?.type : undefined;
  return { deliveries, error, since: evidence.tick(), type, strikes: 0, wasHeld: false };
}

/** Without an SQLSTATE it was our own code that failed. */
function poisonous(error: unknown): Dead {
  return dead(sqlStateOf(error) === undefined ? "processing-failed" : "store-rejected", describeRefusal(error));
}
