/** Runs one migration and its row of history in one transaction. */
import type { Sql } from "../../shared/postgres.ts";
import type { AbstractMigration, MigrationClient } from "./nessie.ts";

export type Direction = "up" | "down";
export type LoadMigration = () => Promise<{ default: unknown }>;

/** Asks within a transaction: several statements at once, or one with parameters. @returns the rows of the last */
export type Ask = (statements: string, parameters?: readonly string[]) => Promise<unknown[][]>;

/** Begins a transaction and commits it when `act` is done; what `act` throws undoes all of it. */
export type Begin = (act: (ask: Ask) => Promise<void>) => Promise<void>;

/** Transactions on a server. */
export function transactionsOf(sql: Sql): Begin {
  return async (act) => {
    await sql.begin((transaction) =>
      act(async (statements, parameters = []) =>
        Array.from(await transaction.unsafe(statements, [...parameters]).values())
      )
    );
  };
}

/** A migration did not run; nothing of it remains. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}

/** The table of history as nessie 2.0.11 creates it. */
export const createHistory = `create table if not exists nessie_migrations
  (id bigserial primary key, file_name varchar(100) unique, created_at timestamp(0) default current_timestamp)`;

/** @throws {MigrationError} */
export async function runMigration(
  begin: Begin,
  direction: Direction,
  name: string,
  load: LoadMigration,
): Promise<void> {
  const Migration = await loadClass(name, load);
  try {
    await begin(async (ask) => {
      const client: MigrationClient = { queryArray: async (text) => ({ rows: await ask(text) }) };
      await new Migration({ client })[direction]({ dialect: "pg" });
      await ask(history[direction], [name]);
    });
  } catch (error) {
    throw new MigrationError(`${name} failed and was undone: ${explain(error)}`);
  }
}

const history = {
  up: "insert into nessie_migrations (file_name) values ($1)",
  down: "delete from nessie_migrations where file_name = $1",
};

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
