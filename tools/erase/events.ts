/**
 * Finds and erases a player's e-mail and last sign-in in the events table. The table has no index by player, so every
 * block is read, in chunks. Reading and rewriting do not block subscribers, which only insert rows.
 */
import { type Draft, type Event, eventOf } from "../../shared/event/event.ts";
import { kinds } from "../../shared/event/kinds.ts";
import type { Ask, Session } from "../../shared/postgres/session.ts";
import { describe } from "../../subscriber/pipeline/steps/describe.ts";

/** Some blocks of a partition or the table, and the number of the player's rows in them. */
export interface Chunk {
  /** Quoted where SQL needs it. */
  readonly table: string;
  readonly from: number;
  readonly to: number;
  readonly events: number;
}

export interface Survey {
  /** The chunks with events of the player. */
  readonly chunks: readonly Chunk[];
  readonly events: number;
  readonly emails: ReadonlySet<string>;
  /** For each partition, the first block that was not read. */
  readonly ends: ReadonlyMap<string, number>;
}

/** Blocks per query (8 MiB), and rows per transaction. */
const [blocksAtOnce, rowsAtOnce] = [1_024, 500];
/** If a migration holds a lock on the table, this run stops instead of waiting, and another run does the rest. */
export const lockTimeout = "set local lock_timeout = '2s'";

const personal = "player_id = $1::bigint and (player_email is not null or player_last_signed_in_at is not null)";
const within = "ctid >= $2::tid and ctid < $3::tid";

/** Finds the data to erase. @param ends the ends of an earlier survey: only later rows are read */
export async function surveyEvents(
  sql: Session,
  player: bigint,
  tell: (share: number) => void,
  ends: ReadonlyMap<string, number> = new Map(),
): Promise<Survey> {
  const found = { chunks: [] as Chunk[], events: 0, emails: new Set<string>(), ends: new Map<string, number>() };
  const partitions = await sql.query<{ name: string; blocks: string }>(
    `select oid::regclass::text as name, pg_relation_size(oid) / current_setting('block_size')::bigint as blocks
     from pg_class where oid = 'events'::regclass and relkind <> 'p'
       or oid in (select relid from pg_partition_tree('events') where isleaf)`,
  );
  const total = partitions.reduce((sum, { blocks }) => sum + Number(blocks), 0);
  let seen = 0;
  for (const { name: table, blocks } of partitions) {
    const end = Number(blocks);
    found.ends.set(table, end);
    for (let from = ends.get(table) ?? 0; from < end; from += blocksAtOnce) {
      const to = Math.min(from + blocksAtOnce, end);
      const [row] = await sql.query<{ events: number; emails: string[] | null }>(
        `select count(*)::int as events, to_json(array_agg(distinct player_email)) as emails
         from only ${table} where ${within} and ${personal}`,
        parametersOf(player, { from, to }),
      );
      const { events, emails } = row!;
      for (const email of emails ?? []) if (email !== null) found.emails.add(email);
      if (events > 0) found.chunks.push({ table, from, to, events });
      found.events += events;
      tell((seen + to) / total);
    }
    seen += end;
  }
  return found;
}

/** Erases the personal data of one chunk, some rows per transaction. */
export async function eraseEvents(
  sql: Session,
  player: bigint,
  chunk: Chunk,
  onErased: (count: number) => void,
  stop: AbortSignal,
): Promise<void> {
  let count = rowsAtOnce;
  while (count === rowsAtOnce && !stop.aborted) {
    count = await sql.transaction(async (ask) => {
      await ask(lockTimeout);
      return await eraseSome(ask, player, chunk);
    });
    onErased(count);
  }
}

/** @returns the number of erased rows */
async function eraseSome(ask: Ask, player: bigint, chunk: Chunk): Promise<number> {
  const rows = await ask(
    `select message_id, event_id, player_id, game_id, type, amount, currency, has_won,
       floor(extract(epoch from created_at))::bigint, amount_eur,
       player_email, description
     from only ${chunk.table} where ${within} and ${personal} limit ${rowsAtOnce} for update`,
    parametersOf(player, chunk),
  );
  if (rows.length === 0) return 0;
  const taken = await ask(
    `update only ${chunk.table} as stored
     set player_email = null, player_last_signed_in_at = null, description = erased.description
     from unnest($1::uuid[], $2::text[]) as erased (message_id, description)
     where stored.message_id = erased.message_id and stored.player_id = $3::bigint returning 1`,
    [rows.map(([messageId]) => messageId as string), rows.map(descriptionOf), String(player)],
  );
  if (taken.length !== rows.length) {
    throw new Error(`Postgres erased ${taken.length} of ${rows.length} events, and gave no error: look for triggers`);
  }
  return rows.length;
}

function parametersOf(player: bigint, { from, to }: Pick<Chunk, "from" | "to">): string[] {
  return [String(player), `(${from},0)`, `(${to},0)`];
}

/** Returns the description that a subscriber gives the event of an unknown player. */
function descriptionOf(row: readonly unknown[]): string {
  const [eurCents, email, description] = row.slice(9) as [string | null, string | null, string];
  const event = storedEvent(row);
  if (event) return describe(event, eurCents === null ? undefined : BigInt(eurCents), undefined);
  // The event has a type that this version does not know.
  return email === null ? description : description.replaceAll(` (${email})`, "").replaceAll(email, "");
}

function storedEvent(row: readonly unknown[]): Event | undefined {
  const [, id, playerId, gameId, type, amount, currency, hasWon, second] = row;
  const draft: Draft = {
    ...{ id: BigInt(id as string), playerId: BigInt(playerId as string), gameId: BigInt(gameId as string ?? 0) },
    kind: kinds.find((kind) => kind.type === type),
    ...{ amount: BigInt(amount as string ?? 0), currency: currency as string ?? "", hasWon: hasWon === true },
    createdAt: { seconds: Number(second), nanos: 0 },
  };
  const event = eventOf(draft);
  return Array.isArray(event) ? undefined : event;
}
