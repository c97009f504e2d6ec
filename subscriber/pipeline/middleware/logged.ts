import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import type { Dead } from "../../../shared/rabbitmq/outcome.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import type { Log } from "../../../shared/runtime/telemetry/log.ts";
import { isNew, type Middleware, type Stored } from "../entry.ts";
import { eventOf } from "../evidence.ts";

const warnEveryMs = 10_000;

/** Logs a warning for each dead letter, and for players that are not found. */
export function logged(log: Log, clock: Clock): Middleware {
  const unknownPlayers = new UnknownPlayers(log, clock);
  return (process) => async (deliveries, signal) => {
    const processed = await process(deliveries, signal);
    for (const entry of processed) {
      const { delivery, outcome } = entry;
      if (outcome.kind === "dead") warnOfDeadLetter(delivery, outcome, log);
      else if (isNew(entry) && !entry.facts.player) unknownPlayers.add(entry);
    }
    unknownPlayers.warn();
    return processed;
  };
}

function warnOfDeadLetter(delivery: Delivery, { reason, detail }: Dead, log: Log): void {
  const eventId = eventOf(delivery)?.id;
  log.warn("Dead-lettering", {
    event: "event.dead_lettered",
    messageId: delivery.messageId,
    ...(delivery.sentId !== undefined && { sentId: delivery.sentId }),
    ...(eventId !== undefined && { eventId: String(eventId) }),
    reason,
    detail,
  });
}

/** Warns at once and then every 10 s at most: a missing player seldom comes alone. */
class UnknownPlayers {
  #found: Stored[] = [];
  #sinceWarning = 0;
  #warnedAt = -Infinity;

  constructor(private readonly log: Log, private readonly clock: Clock) {}

  add(entry: Stored): void {
    this.#found.push(entry);
  }

  /** Called once after each batch. */
  warn(): void {
    const unknown = this.#found;
    const [first] = unknown;
    if (!first) return;
    this.#found = [];
    this.#sinceWarning += unknown.length;
    const now = this.clock.monotonic();
    if (now - this.#warnedAt < warnEveryMs) return;
    this.log.warn("Players not found; their events are stored without player data", {
      event: "player.unknown",
      events: this.#sinceWarning,
      players: [...new Set(unknown.map(({ facts }) => String(facts.event.playerId)))].slice(0, 10),
      eventId: String(first.facts.event.id),
      messageId: first.facts.messageId,
    });
    this.#warnedAt = now;
    this.#sinceWarning = 0;
  }
}
