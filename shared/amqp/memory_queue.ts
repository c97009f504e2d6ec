/** {@linkcode EventQueue} in this process: for unit tests, simulation and the demo without servers. */
import type { Delivery, EventQueue, Settlement } from "./delivery.ts";
import type { Clock } from "../clock.ts";
import { retriesHeader } from "./delay_queues.ts";
import type { Dead, Delay } from "./outcome.ts";

/** As in topology.ts: a delivery put back more often than this is dead-lettered. */
const deliveryLimit = 20;

export class MemoryQueue implements EventQueue {
  readonly #ready: Delivery[] = [];
  readonly #unsettled = new Map<string, { delivery: Delivery; deliveries: number }>();
  readonly #deliveries = new Map<string, number>();
  /** What was dead-lettered, and why. */
  readonly dead: { readonly delivery: Delivery; readonly outcome: Dead }[] = [];
  readonly acked: string[] = [];
  /** Those who wait for something to take, first come first served. */
  readonly #waiting = new Set<() => void>();

  /** @param clock by which delayed deliveries come back */
  constructor(private readonly clock: Clock) {}

  publish(...deliveries: readonly Delivery[]): void {
    this.#ready.push(...deliveries);
    for (const wake of this.#waiting) wake();
  }

  /** Messages that wait for a subscriber. */
  get ready(): number {
    return this.#ready.length;
  }

  /** Messages in a subscriber's hands. */
  get unsettled(): number {
    return this.#unsettled.size;
  }

  async take(limit: number, signal: AbortSignal): Promise<Delivery[]> {
    while (this.#ready.length === 0 && !signal.aborted) {
      const { promise, resolve: wake } = Promise.withResolvers<void>();
      this.#waiting.add(wake);
      const cut = () => wake();
      signal.addEventListener("abort", cut, { once: true });
      await promise;
      signal.removeEventListener("abort", cut);
      this.#waiting.delete(wake);
    }
    if (signal.aborted) return [];
    const taken = this.#ready.splice(0, limit);
    for (const delivery of taken) {
      const deliveries = (this.#deliveries.get(delivery.messageId) ?? 0) + 1;
      this.#deliveries.set(delivery.messageId, deliveries);
      this.#unsettled.set(delivery.messageId, { delivery, deliveries });
    }
    return taken;
  }

  /** Messages that wait on a delay queue. */
  delayed = 0;

  #delayed(delivery: Delivery, { ms, attempt }: Delay): void {
    this.delayed++;
    this.#deliveries.delete(delivery.messageId);
    this.clock.sleep(ms).then(() => {
      this.delayed--;
      this.publish({ ...delivery, headers: { ...delivery.headers, [retriesHeader]: attempt } });
    });
  }

  settle(settlements: readonly Settlement[]): Promise<void> {
    for (const { delivery, outcome } of settlements) {
      const held = this.#unsettled.get(delivery.messageId);
      if (!held) throw new Error(`${delivery.messageId} was settled twice: a broker would close the channel`);
      this.#unsettled.delete(delivery.messageId);
      if (outcome.kind === "ack") this.acked.push(delivery.messageId);
      else if (outcome.kind === "dead") this.dead.push({ delivery, outcome });
      else if (outcome.kind === "delay") this.#delayed(delivery, outcome);
      else if (held.deliveries <= deliveryLimit) this.publish(delivery);
    }
    return Promise.resolve();
  }
}
