/** {@linkcode Store} and {@linkcode Players} in this process: for unit tests and simulation. */
import type { Enriched, Player } from "../enriched/enriched.ts";
import type { Store } from "../pipeline/process_batch.ts";
import type { Players } from "../pipeline/steps/steps.ts";

export class MemoryDatabase implements Store, Players {
  readonly players = new Map<bigint, Player>();
  readonly events = new Map<string, Enriched>();
  /** Called before each access; what it throws or waits for, the access does. */
  beforeEach: (access: "find" | "save", events: readonly Enriched[]) => void | Promise<void> = () => {};

  async find(ids: readonly bigint[]): Promise<ReadonlyMap<bigint, Player>> {
    await this.beforeEach("find", []);
    return new Map(ids.flatMap((id) => {
      const player = this.players.get(id);
      return player ? [[id, player]] : [];
    }));
  }

  async save(events: readonly Enriched[]): Promise<number> {
    await this.beforeEach("save", events);
    const before = this.events.size;
    for (const enriched of events) {
      if (!this.events.has(enriched.messageId)) this.events.set(enriched.messageId, enriched);
    }
    return this.events.size - before;
  }
}
