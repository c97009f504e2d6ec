/**
 * The real subscriber, which kills itself (SIGKILL) at the stage of a batch that DIE_AT names, or stops itself
 * (SIGSTOP) once at the stage that PAUSE_AT names. With POISON, it dies when it takes a message whose body contains
 * that text.
 */
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import type { Edges } from "../../subscriber/pipeline/edges.ts";
import { runSubscriber } from "../../subscriber/main.ts";
import { changedRates } from "../fixtures/memory_edges.ts";

export const stages = ["taken", "locked", "fetched", "before-commit", "after-commit", "acking"] as const;
export type Stage = (typeof stages)[number];

function die(): Promise<never> {
  Deno.kill(Deno.pid, "SIGKILL");
  return new Promise(() => {});
}

/** Resolves after SIGCONT. */
async function standStill(): Promise<void> {
  Deno.kill(Deno.pid, "SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, 10));
}

if (import.meta.main) {
  const at = Deno.env.get("DIE_AT") as Stage | undefined;
  const poison = Deno.env.get("POISON");
  const pauseAt = Deno.env.get("PAUSE_AT");
  await runSubscriber((edges) => dying(pauseAt === "fetched" ? pausing(edges) : edges, at, poison));
}

/** Pauses between the rates API's answer and the write to the cache. */
function pausing(edges: Edges): Edges {
  let paused = false;
  return {
    ...edges,
    api: {
      async fetch(signal) {
        const rates = await edges.api.fetch(signal);
        if (!paused) await standStill();
        paused = true;
        return rates;
      },
    },
  };
}

function dying(
  { queue, shared, api, players, store }: Edges,
  at: Stage | undefined,
  poison: string | undefined,
): Edges {
  const isPoisonous = ({ body }: Delivery) => poison !== undefined && new TextDecoder().decode(body).includes(poison);
  return {
    players,
    queue: {
      async take(limit, signal) {
        const taken = await queue.take(limit, signal);
        if (taken.some(isPoisonous) || (at === "taken" && taken.length > 0)) await die();
        return taken;
      },
      async settle(settlements, signal) {
        if (at !== "acking") return await queue.settle(settlements, signal);
        // Sends half of the acks, which reach the socket.
        await queue.settle(settlements.slice(0, Math.ceil(settlements.length / 2)), signal);
        await new Promise((resolve) => setTimeout(resolve, 30));
        await die();
      },
    },
    shared: changedRates(shared, {
      async lookOrLock(token, ttl) {
        const look = await shared.lookOrLock(token, ttl);
        return at === "locked" && look.state === "locked" ? await die() : look;
      },
    }),
    api: {
      async fetch(signal) {
        const rates = await api.fetch(signal);
        return at === "fetched" ? await die() : rates;
      },
    },
    store: {
      async save(events) {
        if (at === "before-commit") await die();
        const stored = await store.save(events);
        return at === "after-commit" ? await die() : stored;
      },
      dryRun: (events) => store.dryRun(events),
    },
  };
}
