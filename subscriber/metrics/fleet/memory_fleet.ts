/** {@linkcode Fleet} in this process: for tests, and for the demo without servers. */
import type { Clock } from "../../../shared/runtime/clock.ts";
import { type Fleet, type HeardReport, lifeMs, type SubscriberReport } from "./fleet.ts";

export class MemoryFleet implements Fleet {
  readonly #reports = new Map<string, { readonly report: SubscriberReport; readonly at: number }>();

  constructor(private readonly clock: Clock) {}

  tell(report: SubscriberReport): Promise<void> {
    this.#reports.set(report.id, { report, at: this.clock.monotonic() });
    return Promise.resolve();
  }

  leave(id: string): Promise<void> {
    this.#reports.delete(id);
    return Promise.resolve();
  }

  read(): Promise<HeardReport[]> {
    const now = this.clock.monotonic();
    const heard = Array.from(this.#reports.values(), ({ report, at }) => ({ ...report, heard_ms: now - at }));
    const alive = heard.filter(({ heard_ms }) => heard_ms < lifeMs);
    return Promise.resolve(alive.sort((one, other) => one.id < other.id ? -1 : 1));
  }
}
