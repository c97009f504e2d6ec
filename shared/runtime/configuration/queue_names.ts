/** Derives broker names from the settings, and checks that no name is used twice. */

export function deadLetterExchangeOf(deadLetterQueue: string): string {
  return `${deadLetterQueue}-letters`;
}

interface Named {
  readonly name: string;
  /** The variables that determine the name. */
  readonly by: string;
}

/**
 * Returns a problem for each name that is used twice. Two exchanges with one name are one exchange, which delivers each
 * queue the other's messages. If an exchange and a queue share a name, a user with permissions for that name can bind
 * the exchange to the same effect.
 *
 * EVENTS_EXCHANGE and EVENTS_QUEUE may share a name, as in version 0.1.0, until that queue is drained.
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
