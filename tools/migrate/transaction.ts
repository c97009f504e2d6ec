/** Runs one migration and its row of history in one transaction. */
import type { Sql } from "../../shared/postgres.ts";
import type { AbstractMigration, MigrationClient } from "./nessie.ts";

export type Direction = "up" | "down";
export type LoadMigration = () => Promise<{ default: unknown }>;

/** A migration did not run; nothing of it remains. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}

/** The table of history as nessie 2.0.11 creates it. */
export const createHistory = `create table if not exists nessie_migrations
  (id bigserial primary key, file_name varchar(100) unique, created_at timestamp(0) default current_timestamp)`;

/** @throws {MigrationError} */
export async function runMigration(sql: Sql, direction: Direction, name: string, load: LoadMigration): Promise<void> {
  const Migration = await loadClass(name, load);
  try {
    await sql.begin(async (transaction) => {
      const client: MigrationClient = {
        queryArray: async (text) => ({ rows: Array.from(await transaction.unsafe(text).values()) }),
      };
      await new Migration({ client })[direction]({ dialect: "pg" });
      if (direction === "up") await transaction`insert into nessie_migrations (file_name) values (${name})`;
      else await transaction`delete from nessie_migrations where file_name = ${name}`;
    });
  } catch (error) {
    throw new MigrationError(`${name} failed and was undone: ${explain(error)}`);
  }
}

type MigrationClass = new (props: { client: MigrationClient }) => AbstractMigration;

async function loadClass(name: string, load: LoadMigration): Promise<MigrationClass> {
  const loaded: unknown = (await load()).default;
  const methods: unknown = typeof loaded === "function" ? loaded.prototype : undefined;
  if (typeof methods === "object" && methods !== null && "up" in methods && "down" in methods) {
    return loaded as MigrationClass;
  }
  throw new MigrationError(`${name} must export by default a class that extends AbstractMigration, with up and down.`);
}

function explain(error: unknown): string {
  const { message, detail, hint, position } = error as Error & Partial<Record<"detail" | "hint" | "position", string>>;
  return [message, detail, hint, position && `at character ${position}`].filter(Boolean).join("; ");
}
