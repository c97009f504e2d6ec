import { timestampOfMs } from "../../../shared/event/timestamp.ts";
import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { classifyStoreError, isPartitionMissing } from "../../../shared/runtime/errors.ts";
import type { DatabaseGate } from "../database_gate.ts";
import { type Middleware, type Process, type Processed, requeued } from "../entry.ts";
import { eventOf, type Evidence } from "../evidence.ts";
import { Permits } from "../permits.ts";
import {
  Doubts,
  isDoubtful,
  isLost,
  isOneInDoubt,
  isPatient,
  poisonous,
  type Refused,
  strikesNeeded,
} from "../refused.ts";
import type { Hold } from "./hold.ts";

/** How many attempts in a row may be refused before a probe has to tell whether it is worth to go on. */
const mostInVain = 16;
export interface BisectedOptions {
  readonly evidence: Evidence;
  readonly hold: Hold;
  readonly gate: Pick<DatabaseGate, "leave" | "mayTake" | "takesOthers">;
  readonly permits: Pick<Permits, "takeBack">;
  readonly clock: Pick<Clock, "now">;
}

/**
 * Finds the events for whose sake a batch is refused, and dead-letters them; all others are stored, each once: a part of a batch is
 * processed again only when nothing of it was stored. The rule:
 *
 * - An event is poisonous when it was refused, alone, three times between events of its type that the database took; if it was
 *   held meanwhile, four times. For a schema may come and go, and other batches are stored meanwhile.
 * - While the database takes none of its type, the schema is at fault: what is refused is held.
 * - An error that a database gives which is busy, full or not ready is doubtful: a trigger may have raised it for one event. The
 *   batch is held, whole, while the database takes nothing else. Once it was refused four times between others that were
 *   taken, it is divided. An event alone is poisonous after sixteen refusals in a row, by a function's RAISE or for the time
 *   that its statement takes, each after a hold, and after each the database took another of its type. One that it did not
 *   take begins the count anew; a wait for rates does not.
 * - What is never one event's fault ({@linkcode strikesNeeded}) is held by itself for as long as it lasts.
 *
 * The other event may be of the same batch or of any other batch of this subscriber, which gets the permit of what is held: two
 * poisonous events do not stop the others, and need them to be told apart. When none comes, be it that there is none or
 * that all in hand are poisonous, a probe stands in for it ({@linkcode Evidence.probe}).
 */
export function bisected(options: BisectedOptions): Middleware {
  const { evidence } = options;
  /** Statements that end by their time-out would otherwise have all connections, in many batches at once. */
  const turns = new Permits(1);
  const doubts = new Doubts(evidence);
  return (process) => {
    const attempt = evidence.watch(process);
    return async (batch, signal) => {
      try {
        return await attempt(batch, signal);
      } catch (error) {
        if (classifyStoreError(error) === "away") throw error;
        const group = doubts.refusedNow(batch, error);
        return await new Bisection(batch, attempt, { ...options, turns, doubts }, signal).settle(group);
      }
    };
  };
}

class Bisection {
  readonly #processed = new Map<Delivery, Processed>();
  #inVain = 0;

  constructor(
    private readonly batch: readonly Delivery[],
    private readonly attempt: Process,
    private readonly options: BisectedOptions & { readonly turns: Permits; readonly doubts: Doubts },
    private readonly signal: AbortSignal,
  ) {}

  /** @returns what became of each delivery of the batch, in its order */
  async settle(whole: Refused): Promise<Processed[]> {
    let refused: readonly Refused[] = this.#waits(whole) ? [whole] : await this.#divide([whole]);
    for (let holds = 0; refused.length > 0;) {
      const eager = refused.filter((group) => !this.#waits(group));
      // Each round with evidence gets on: it divides a group, or decides on an event.
      if (await this.#isEvidence(eager)) {
        const patient = refused.filter((group) => this.#waits(group));
        refused = [...patient, ...await this.#divide(eager)];
        continue;
      }
      await this.#hold(refused, ++holds);
      refused = this.#letGo(refused);
      const deliveries = refused.flatMap((group) => group.deliveries);
      if (
        deliveries.length > 0 && (isOneInDoubt(refused) || await this.#refusalOf(deliveries, refused.some(isDoubtful)))
      ) {
        refused = await this.#divide(refused.map((group) => ({ ...group, wasHeld: true })));
        continue;
      }
      break;
    }
    return this.batch.map((delivery) => this.#processed.get(delivery)!);
  }

  /** Keeps the permit while the database is away: another batch would fare no better. */
  async #hold(refused: readonly Refused[], attempt: number): Promise<void> {
    const { gate, permits } = this.options;
    await this.#probe(refused.filter((group) => isDoubtful(group) || this.#waits(group)));
    const isTaken = refused.some((group) => this.#isTaken(group));
    if (isTaken) gate.takesOthers();
    if (isTaken || !refused.every(isDoubtful)) permits.takeBack(this.batch);
    await this.options.hold(refused.flatMap(({ deliveries }) => deliveries), refused[0]!.error, attempt, this.signal);
  }

  /** Whether the database took an event after one of the refusals. Asks it, if need be, by one probe for each type. */
  async #isEvidence(refused: readonly Refused[]): Promise<boolean> {
    const isThere = () => refused.some((group) => this.#isTaken(group));
    if (isThere()) return true;
    await this.#probe(refused);
    return isThere();
  }

  #isTaken({ since, event }: Refused): boolean {
    return this.options.evidence.since(since, event?.type);
  }

  async #probe(refused: readonly Refused[]): Promise<void> {
    const unknown = refused.filter((group) => !this.#isTaken(group));
    const byType = new Map(unknown.map((group) => [group.event?.type, group]));
    for (const { deliveries, error } of byType.values()) {
      const like = deliveries.find((delivery) => eventOf(delivery)) ?? deliveries[0]!;
      const elsewhere = isPartitionMissing(error) ? timestampOfMs(this.options.clock.now()) : undefined;
      await this.options.evidence.probe(like, this.signal, elsewhere);
    }
  }

  /** Tries each group in halves, and what is not to be divided once more. @returns what is undecided; first what was not tried */
  async #divide(refused: readonly Refused[]): Promise<Refused[]> {
    this.#inVain = 0;
    const [untried, undecided]: [Refused[], Refused[]] = [[], []];
    const stack = refused.toReversed();
    for (let group; (group = stack.pop());) {
      const waits = this.#waits(group);
      if (this.#inVain >= mostInVain && (waits || !this.#isTaken(group))) untried.push(group);
      else if (group.deliveries.length === 1 || waits) undecided.push(...await this.#decide(group));
      else {
        for (const half of await this.#halve(group)) (this.#waits(half) ? undecided : stack).push(half);
      }
    }
    return [...untried, ...undecided];
  }

  /** @returns those halves that are refused, the right one first */
  async #halve(group: Refused): Promise<Refused[]> {
    const { deliveries, strikes } = group;
    const half = Math.ceil(deliveries.length / 2);
    const left = await this.#refusalOf(deliveries.slice(0, half), isDoubtful(group));
    const right = await this.#refusalOf(deliveries.slice(half), isDoubtful(group));
    return [right, left].filter((refused) => refused !== undefined)
      .map((refused) => refused.deliveries.length > 1 ? { ...refused, strikes } : refused);
  }

  /** @returns the group, if it is undecided still */
  async #decide(group: Refused): Promise<Refused[]> {
    const { deliveries, error, strikes } = group;
    const isEvidence = this.#isTaken(group);
    if (isEvidence && strikes >= strikesNeeded(group, this.options.clock.now())) {
      const delivery = deliveries[0]!;
      this.#processed.set(delivery, { delivery, facts: undefined, outcome: poisonous(error) });
      this.options.gate.leave(deliveries);
      return [];
    }
    if (isDoubtful(group) && !isEvidence && !group.wasHeld) return [group];
    const again = await this.#refusalOf(deliveries, isDoubtful(group));
    if (!again) return [];
    return [isDoubtful(again) ? again : { ...again, strikes: strikes + Number(isEvidence) }];
  }

  /** Whether it is held before each further attempt. */
  #waits(group: Refused): boolean {
    return isPatient(group, this.options.clock.now());
  }

  /** @param inDoubt waits for its turn. @returns `undefined` when each of them has its outcome */
  async #refusalOf(deliveries: readonly Delivery[], inDoubt: boolean): Promise<Refused | undefined> {
    if (inDoubt) {
      await this.options.turns.acquire();
      this.options.turns.give(deliveries);
    }
    try {
      for (const entry of await this.attempt(deliveries, this.signal)) this.#processed.set(entry.delivery, entry);
      this.#inVain = 0;
      return undefined;
    } catch (error) {
      if (classifyStoreError(error) === "away") throw error;
      this.#inVain++;
      return this.options.doubts.refusedNow(deliveries, error);
    } finally {
      this.options.turns.takeBack(deliveries);
    }
  }

  /**
   * What the broker delivers again is let go. But while nothing may be taken, nothing is delivered, and only the attempts of what is
   * held find out when that is over. @returns the rest
   */
  #letGo(refused: readonly Refused[]): Refused[] {
    const { gate } = this.options;
    const isOver = gate.mayTake ? isLost : () => false;
    const [gone, rest]: [Refused[], Refused[]] = [[], []];
    for (const group of refused) (this.signal.aborted || isOver(group) ? gone : rest).push(group);
    const deliveries = gone.flatMap((group) => group.deliveries);
    for (const delivery of deliveries) this.#processed.set(delivery, requeued(delivery));
    gate.leave(deliveries);
    return rest;
  }
}
