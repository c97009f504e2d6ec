/** Read by nessie alone, should you run it (docs/migrations.md); `deno task migrate` does not use it. */
import { ClientPostgreSQL } from "nessie";

export default {
  client: new ClientPostgreSQL(Deno.env.get("DATABASE_URL") ?? "postgres://casino:casino@127.0.0.1:5432/casino"),
  migrationFolders: ["./migrations"],
  seedFolders: [],
  // Without this nessie looks for db/seeds, which is not there.
  additionalSeedFiles: [],
};
