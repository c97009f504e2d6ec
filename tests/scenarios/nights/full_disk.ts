/** Postgres's disk is full. */
import { eventually } from "../../fixtures/eventually.ts";
import { SmallDisk } from "../../harness/small_disk.ts";
import type { Story } from "./night.ts";

const mostEvents = 100_000;

export const fullDisk: Story = async (night, system) => {
  await using disk = await SmallDisk.under(system.servers, "data");
  await disk.fill();
  const isFull = async () => (await system.servers.log("postgres")).includes("No space left on device");
  while (!await isFull() && system.ledger.attempted < mostEvents) await system.publish(1_000);
  await eventually("the error in Postgres's log", isFull);
  await night.sees({
    title: /wrong$/,
    problem: /No space left on device/,
    status: /No space left on device/,
    alert: ["CasinoDatabaseRefusesBatches", /^Postgres does not take batches$/],
  });
  await night.follows("runbook.md", "The disk is full", "df -h", "pg_total_relation_size");
  await disk.makeRoom();
  // As the document has it for a Postgres that stopped.
  await night.types("deno task up");
  await night.isCalm();
};
