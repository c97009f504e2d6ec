/** The steps of enrichment, in order. A new step needs an entry here, its fact in enriched.ts, and a column. */
import { dead } from "../../../shared/rabbitmq/outcome.ts";
import type { Players } from "../edges.ts";
import { type Facts, wait } from "../entry.ts";
import type { WaitingForRates } from "../waiting_for_rates.ts";
import { describe } from "./describe.ts";
import { isUnpriced, price } from "./price.ts";
import { defineStep, inOrder, type Step } from "./step.ts";

export interface Sources {
  readonly rates: Pick<WaitingForRates, "current" | "answerTo">;
  readonly players: Players;
}

export function enrichment({ rates, players }: Sources): readonly Step[] {
  return inOrder([
    defineStep({
      name: "price",
      needs: ["event"],
      adds: ["price"],
      read: () => rates.current(),
      add(facts, current, delivery) {
        let priced = price(facts.event, current);
        if (isUnpriced(priced) && priced.unpriced === "no-rates") {
          const answer = rates.answerTo(delivery);
          if (answer === undefined) return wait;
          if (answer instanceof Error) return dead("rates-timeout", answer.message);
          priced = price(facts.event, answer);
        }
        if (isUnpriced(priced)) return dead("unknown-currency", priced.detail);
        facts.price = priced;
        return undefined;
      },
    }),
    defineStep({
      name: "player",
      needs: ["event"],
      adds: ["player"],
      read: (events) => players.find(playerIds(events)),
      add(facts, known) {
        facts.player = known.get(facts.event.playerId);
        return undefined;
      },
    }),
    defineStep({
      name: "describe",
      needs: ["event", "price", "player"],
      adds: ["description"],
      read: () => undefined,
      add(facts) {
        facts.description = describe(facts.event, facts.price?.eurCents, facts.player?.email);
        return undefined;
      },
    }),
  ]);
}

function playerIds(events: readonly Facts[]): bigint[] {
  const ids = new Set<bigint>();
  for (const { event } of events) ids.add(event.playerId);
  return [...ids];
}
