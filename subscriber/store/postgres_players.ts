import type { Database } from "../../shared/postgres/pool.ts";
import { type Player, playerOf, playersQuery } from "../enriched/enriched.ts";
import type { Players } from "../pipeline/edges.ts";

export class PostgresPlayers implements Players {
  constructor(private readonly database: Database) {}

  async find(ids: readonly bigint[]): Promise<ReadonlyMap<bigint, Player>> {
    const rows = await this.database.query(playersQuery, [`{${ids.join(",")}}`]);
    const players = new Map<bigint, Player>();
    for (const row of rows) players.set(BigInt(row[0]!), playerOf(row));
    return players;
  }
}
