/**
 * The module that migrations import as `nessie`: the part of deno-nessie 2.0.11 that they use. nessie itself runs the
 * unchanged files with another import map (docs/migrations.md).
 */

/** The connection of a migration. */
export interface MigrationClient {
  queryArray(sql: string): Promise<{ rows: unknown[][] }>;
}

export interface Info {
  readonly dialect: "pg";
}

/** The class that every migration file extends and exports by default. */
export abstract class AbstractMigration<T extends { client: MigrationClient } = ClientPostgreSQL> {
  protected readonly client: T["client"];

  constructor({ client }: { client: T["client"] }) {
    this.client = client;
  }

  abstract up(info: Info): Promise<void>;
  abstract down(info: Info): Promise<void>;
}

/** Named in nessie.config.ts, which only nessie itself reads. */
export class ClientPostgreSQL {
  declare readonly client: MigrationClient;
  constructor(readonly url: string) {}
}
