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

/** Refusals in a row after which bisection goes on only with evidence that the database takes events. */
const mostInVain = 16;
export interface BisectedOptions {
  readonly evidence: Evidence;
  readonly hold: Hold;
  readonly gate: Pick<DatabaseGate, "leave" | "mayTake" | "takesOthers">;
  readonly permits: Pick<Permits, "takeBack">;
  readonly clock: Pick<Clock, "now">;
}

/**
 * Bisects a batch that the database refuses. Dead-letters the poison messages and stores all other events, each once: a
 * part of a batch is processed again only when none of it was stored. The rules:
 *
 * - An event that the database refuses alone gets a strike each time that the database takes another event of its type
 *   between two refusals. The event is poisonous after three strikes, or after four if it was held. More strikes are
 *   needed after a hold because the schema may break and recover while other batches are stored.
 * - While the database takes no event of the type, the schema is at fault: the refused events are held.
 * - An error of a busy, full or unready database is doubtful: a trigger may have raised it for one event. The whole
 *   batch is held while the database takes nothing else. After four refusals between events that the database took, the
 *   batch is divided.
 * - A single event with a doubtful error is poisonous after sixteen strikes, each after a hold, and only if a
 *   function's RAISE or a statement timeout caused the error. The count restarts when the database takes no other event
 *   of the type between two refusals. A wait for rates does not restart the count.
 * - An event with an error that is never the fault of one event ({@linkcode strikesNeeded}) is held alone until the
 *   error ends.
 *
 * The other event may belong to the same batch or to another batch of this subscriber. Other batches get the permit of
 * the held batch, so two poison messages do not block them. When no other event comes, or all events in hand are
 * poisonous, a probe takes its place ({@linkcode Evidence.probe}).
 */
export function bisected(options: BisectedOptions): Middleware {
  const { evidence } = options;
  /** One doubtful attempt at a time: statements that time out in many batches would occupy all connections. */
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

  /** Returns the outcome of each delivery, in the batch's order. */
  async settle(whole: Refused): Promise<Processed[]> {
    let refused: readonly Refused[] = this.#waits(whole) ? [whole] : await this.#divide([whole]);
    for (let holds = 0; refused.length > 0;) {
      const eager = refused.filter((group) => !this.#waits(group));
      // Each round with evidence makes progress: it divides a group or decides on an event.
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

  /** Keeps the permit while the database takes nothing: another batch would fail too. */
  async #hold(refused: readonly Refused[], attempt: number): Promise<void> {
    const { gate, permits } = this.options;
    await this.#probe(refused.filter((group) => isDoubtful(group) || this.#waits(group)));
    const isTaken = refused.some((group) => this.#isTaken(group));
    if (isTaken) gate.takesOthers();
    if (isTaken || !refused.every(isDoubtful)) permits.takeBack(this.batch);
    await this.options.hold(refused.flatMap(({ deliveries }) => deliveries), refused[0]!.error, attempt, this.signal);
  }

  /**
   * Whether the database took an event of the type after one of the refusals. Sends one probe per type if necessary.
   */
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

  /**
   * Retries each group in halves; retries single events and patient groups whole.
   * @returns the undecided groups, untried ones first
   */
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

  /** Processes both halves of the group. @returns the refused halves, the right one first */
  async #halve(group: Refused): Promise<Refused[]> {
    const { deliveries, strikes } = group;
    const half = Math.ceil(deliveries.length / 2);
    const left = await this.#refusalOf(deliveries.slice(0, half), isDoubtful(group));
    const right = await this.#refusalOf(deliveries.slice(half), isDoubtful(group));
    return [right, left].filter((refused) => refused !== undefined)
      .map((refused) => refused.deliveries.length > 1 ? { ...refused, strikes } : refused);
  }

  /**
   * Dead-letters the group's event after enough strikes, else retries the group.
   * @returns the group if it is still undecided
   */
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

  /** Whether the group is held before each further attempt. */
  #waits(group: Refused): boolean {
    return isPatient(group, this.options.clock.now());
  }

  /**
   * Processes the deliveries; with `inDoubt`, one attempt at a time.
   * @returns `undefined` when each delivery has its outcome
   */
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
   * Requeues the groups that the broker redelivers because their channel is lost. While the consumer may not take
   * deliveries, nothing is redelivered: only retries of the held groups find out when the database takes events again.
   * After an abort, requeues all groups.
   * @returns the groups that stay held
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
