/** Names in the broker that follow from those that are set, and the check that none is given twice. */

/** The exchange of DEAD_LETTER_QUEUE. */
export function deadLetterExchangeOf(deadLetterQueue: string): string {
  return `${deadLetterQueue}-letters`;
}

interface Named {
  readonly name: string;
  /** The variables that give it. */
  readonly by: string;
}

/**
 * Two exchanges of one name are one exchange, which gives each queue the other's messages. An exchange and a queue of one
 * name lead to the same, as soon as a user's permissions allow to bind them. Only 0.1.0's EVENTS_EXCHANGE and EVENTS_QUEUE
 * share one, until its queue is empty.
 */
export function faultsOfQueueNames(values: Readonly<Record<string, unknown>>): string[] {
  const problems: string[] = [];
  const all = namesIn(values);
  for (const [i, { name, by }] of all.entries()) {
    const first = all.slice(0, i).find((other) => other.name === name);
    if (!first || (by.startsWith("EVENTS_QUEUE=") && first.by.startsWith("EVENTS_EXCHANGE="))) continue;
    problems.push(`${first.by} and ${by} must not both name ${name}: each exchange and queue needs a name of its own`);
  }
  return problems;
}

function namesIn(
  { EVENTS_EXCHANGE: exchange, EVENTS_QUEUE: queue, DEAD_LETTER_QUEUE: dead }: Readonly<
    Record<string, unknown>
  >,
): Named[] {
  const names: Named[] = [];
  if (typeof exchange === "string") names.push({ name: exchange, by: `EVENTS_EXCHANGE=${exchange}` });
  if (typeof queue === "string") names.push({ name: queue, by: `EVENTS_QUEUE=${queue}` });
  if (typeof dead === "string") {
    names.push(...[dead, deadLetterExchangeOf(dead)].map((name) => ({ name, by: `DEAD_LETTER_QUEUE=${dead}` })));
  }
  return names;
}
