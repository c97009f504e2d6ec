/** Postgres on a full disk: its log tells an operator what happened, and nothing is lost. */
import { eventually } from "../../fixtures/eventually.ts";
import { checkAllStored } from "../../harness/batch.ts";
import { mayMount, SmallDisk } from "../../harness/small_disk.ts";
import { sharedWorld } from "./shared_world.ts";

/** A hundred times as many as fit on the disks. */
const mostEvents = 500_000;

const test = sharedWorld();

/** The contents of each disk, and Postgres's log record when it is full. */
const disks = [
  ["its tables", "data", /ERROR: {2}could not extend file .*No space left on device/],
  // Postgres then ends, and cannot start until there is room again.
  ["its write-ahead log", "data/pg_wal", /PANIC: {2}could not write to file "pg_wal.*No space left on device/],
] as const;

for (const [what, folder, said] of disks) {
  test(
    `the disk with ${what} is full: nothing is lost or dead-lettered, and all events are stored once after there is room`,
    async ({ world, batch, ledger }) => {
      await batch.publish(500);
      await using disk = await SmallDisk.under(world.servers, folder);
      await disk.fill();
      const says = async () => said.test(await world.servers.log("postgres")) || undefined;
      while (!await says() && ledger.attempted < mostEvents) await batch.publish(1_000);
      await eventually(`${said} in Postgres's log`, says);
      await batch.publish(500);
      await disk.makeRoom();
      await world.servers.restart();
      await checkAllStored(world, ledger, ledger.attempted);
    },
    { subscribers: 2, ignore: !mayMount },
  );
}
