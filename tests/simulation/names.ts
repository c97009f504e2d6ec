/** Queues and exchanges of a simulated run. */
export const names = {
  EVENTS_EXCHANGE: "events",
  EVENTS_QUEUE: "events",
  DEAD_LETTER_QUEUE: "events.dead",
} as const;
