import { arrayLiteral } from "../shared/array_literal.ts";
import type { Database } from "../shared/database.ts";

export interface Player {
  readonly email: string;
  readonly lastSignedInAt: Date | undefined;
}

export interface Players {
  /** The players that exist, by id. Read anew for every window: what is stored with an event is what held then. */
  find(ids: readonly bigint[]): Promise<ReadonlyMap<bigint, Player>>;
}

interface PlayerRow {
  readonly id: string;
  readonly email: string;
  readonly last_signed_in_at: Date | null;
}

const findStatement = "select id::text, email, last_signed_in_at from players where id = any($1::bigint[])";

export class PostgresPlayers implements Players {
  constructor(private readonly database: Database) {}

  async find(ids: readonly bigint[]): Promise<ReadonlyMap<bigint, Player>> {
    const rows = await this.database.query<PlayerRow>(findStatement, [arrayLiteral(ids.map(String))]);
    return new Map(rows.map(({ id, email, last_signed_in_at }) => [
      BigInt(id),
      { email, lastSignedInAt: isFinite(Number(last_signed_in_at ?? NaN)) ? last_signed_in_at! : undefined },
    ]));
  }
}
