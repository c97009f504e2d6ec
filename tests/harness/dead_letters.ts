/** Reads all dead letters: those in the table, and those in the queue that a keeper has not moved yet. */
import type { Channel } from "amqplib";
import { type DeadLetter, understand } from "../../shared/rabbitmq/dead/dead_letter.ts";
import type { Session } from "../../shared/postgres/session.ts";
import type { Row } from "../../shared/postgres/pool.ts";
import { letterOfRow, readColumns } from "../../subscriber/dead_letters/letter_row.ts";

/**
 * Reads the dead letters without removing them.
 * @param channel a channel for this call alone; closing it requeues the letters
 */
export async function readLetters(channel: Channel, sql: Session, queue: string): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for (let message; (message = await channel.get(queue));) letters.push(understand(message));
  // A keeper cannot move a letter that this channel holds unacked.
  return [...await tableLetters(sql), ...letters];
}

export async function countLetters(channel: Channel, sql: Session, queue: string): Promise<number> {
  const { messageCount } = await channel.checkQueue(queue);
  return messageCount + await kept(sql);
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
