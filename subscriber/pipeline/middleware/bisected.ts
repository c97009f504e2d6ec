import { dead } from "../../../shared/rabbitmq/outcome.ts";
import { classifyStoreError, messageOf } from "../../../shared/runtime/errors.ts";
import type { Middleware, Process } from "../entry.ts";

/**
 * Halves a batch that holds a row that the database rejects, until that row stands alone; its event is dead-lettered,
 * `store-rejected`. The other halves are stored, each once: a half is processed again only when nothing of it was stored.
 */
export const bisected: Middleware = (process) => {
  const bisect: Process = async (batch, signal) => {
    try {
      return await process(batch, signal);
    } catch (error) {
      if (classifyStoreError(error) !== "split") throw error;
      const [only, ...others] = batch;
      if (only && others.length === 0) {
        return [{ delivery: only, facts: undefined, outcome: dead("store-rejected", messageOf(error)) }];
      }
    }
    const half = Math.ceil(batch.length / 2);
    const left = await bisect(batch.slice(0, half), signal);
    const right = await bisect(batch.slice(half), signal);
    return [...left, ...right];
  };
  return bisect;
};
