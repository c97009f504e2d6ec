/** Reads all dead letters: those in the table, and those in the queue that a keeper has not moved yet. */
import type { Channel } from "amqplib";
import { eventually } from "../fixtures/eventually.ts";
import { type DeadLetter, understand } from "../../shared/rabbitmq/dead/dead_letter.ts";
import type { Session } from "../../shared/postgres/session.ts";
import type { Row } from "../../shared/postgres/pool.ts";
import { letterOfRow, readColumns } from "../../subscriber/dead_letters/letter_row.ts";

/**
 * Reads the dead letters without removing them.
 * @param channel a channel for this call alone; closing it requeues the letters
 */
export async function readLetters(channel: Channel, sql: Session, queue: string): Promise<DeadLetter[]> {
  const known = await countLetters(channel, sql, queue);
  return await eventually(`${known} dead letters`, async () => {
    const waiting: DeadLetter[] = [];
    for (let message; (message = await channel.get(queue));) waiting.push(understand(message));
    // A keeper cannot move a letter that this channel holds unacked.
    const letters = [...await tableLetters(sql), ...waiting];
    if (letters.length >= known) return letters;
    // A keeper holds the others, and has not committed them.
    channel.nackAll();
    return undefined;
  });
}

/** Counts the table first: a letter that a keeper moves meanwhile is counted once, or not at all. */
export async function countLetters(channel: Channel, sql: Session, queue: string): Promise<number> {
  const letters = await kept(sql);
  return letters + (await channel.checkQueue(queue)).messageCount;
}

async function tableLetters(sql: Session): Promise<DeadLetter[]> {
  if (!await hasTable(sql)) return [];
  const statement = `select ${readColumns(2 ** 30)} from dead_letters where status = 'dead' order by id`;
  return (await sql.transaction((ask) => ask(statement)) as unknown as Row[]).map(letterOfRow);
}

async function kept(sql: Session): Promise<number> {
  if (!await hasTable(sql)) return 0;
  const statement = "select count(*)::int as letters from dead_letters where status = 'dead'";
  return (await sql.one<{ letters: number }>(statement)).letters;
}

/** The last release has no such table, and nobody can ask while Postgres is down. */
async function hasTable(sql: Session): Promise<boolean> {
  const asked = sql.one<{ found: string | null }>("select to_regclass('dead_letters')::text as found");
  return (await asked.catch(() => ({ found: null }))).found !== null;
}
