import { messageOf } from "../../shared/errors.ts";
import { type MigratorOptions, readHistory } from "./migrator.ts";

const pollMs = 1_000;

/**
 * Waits until all migrations of the catalogue are applied; a database that is ahead of it has them as well. What cannot be
 * asked yet (a server that starts, a role without its grants) is waited for likewise.
 * @returns what was in the way when the time was over
 */
export async function untilApplied(
  { sql, catalogue, clock, say }: MigratorOptions,
  timeoutMs: number,
): Promise<string | undefined> {
  const giveUpAt = clock.monotonic() + timeoutMs;
  for (let said = "";;) {
    const obstacle = await readHistory(sql).then(
      (history) => {
        const applied = new Set(history.map(({ name }) => name));
        const pending = [...catalogue.keys()].filter((name) => !applied.has(name));
        return pending.length === 0 ? undefined : `pending: ${pending.join(", ")}`;
      },
      (error) => messageOf(error),
    );
    if (obstacle === undefined || clock.monotonic() >= giveUpAt) return obstacle;
    if (obstacle !== said) say(`Waiting for migrations (${obstacle}).`);
    said = obstacle;
    await clock.sleep(pollMs);
  }
}
