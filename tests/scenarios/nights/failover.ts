/** The primary is lost. Its address leads to the replica, which nobody has promoted. */
import { SecondPostgres } from "../../harness/second_postgres.ts";
import type { Story } from "./night.ts";

/** @param kept what lives on after the night: the replica, which is the primary then */
export const failover = (kept: AsyncDisposableStack): Story => async (night, system) => {
  const { servers } = system;
  const { host } = new URL(servers.env.DATABASE_URL);
  const admin = Object.assign(new URL(system.env["DATABASE_ADMIN_URL"]!), { host }).href;
  await system.configure({ DATABASE_URL: servers.env.DATABASE_URL, DATABASE_ADMIN_URL: admin });
  for (const id of ["subscriber-1", "subscriber-2"] as const) await night.restarts(id);
  await night.isCalm();

  const replica = kept.use(await SecondPostgres.replicaOf(servers));
  await servers.kill("postgres");
  servers.replace("postgres", replica.url);
  await system.publish(200);
  await night.sees({
    title: /problems?$/,
    problem: /cannot execute COPY during recovery; if this server is a replica, promote it/,
    status: /cannot execute COPY during recovery/,
    alert: ["CasinoDatabaseRefusesBatches", /^Postgres refuses batches$/],
  });
  await night.follows("runbook.md", "It is read-only", "batch.held", "pg_promote");
};
