/** Postgres on a full disk: its log tells an operator what happened, and nothing is lost. */
import { join } from "node:path";
import { eventually } from "../../fixtures/eventually.ts";
import { runProgram } from "../../../tools/run_program.ts";
import { checkAllStored } from "../../harness/batch.ts";
import type { PrivateServers } from "../../harness/private_servers.ts";
import { sharedWorld } from "./shared_world.ts";

/** Free space that Postgres needs to start, in MiB. */
const roomMiB = 60;
/** A hundred times as many as fit on the disks. */
const mostEvents = 500_000;

/** Only root may mount a small disk. */
const mayMount = Deno.uid() === 0;

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

/** Moves a folder of Postgres to a file system of its own, which is little larger than the folder. */
class SmallDisk implements AsyncDisposable {
  private constructor(private readonly path: string, private readonly servers: PrivateServers) {}

  static async under(servers: PrivateServers, folder: string): Promise<SmallDisk> {
    const path = join(await servers.folderOf("postgres"), folder);
    await servers.stop("postgres");
    const usedMiB = Number((await runProgram("du", ["-sm", path])).split("\t")[0]);
    const { uid, gid } = await Deno.stat(path);
    await Deno.rename(path, `${path}.before`);
    await Deno.mkdir(path);
    const options = `size=${usedMiB + roomMiB}m,mode=0700,uid=${uid},gid=${gid}`;
    await runProgram("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]);
    await runProgram("cp", ["-a", `${path}.before/.`, path]);
    await servers.restart();
    return new SmallDisk(path, servers);
  }

  /** Fills the disk to its last block. */
  async fill(): Promise<void> {
    await runProgram("sh", ["-c", 'dd if=/dev/zero of="$0" bs=64k 2>/dev/null || true', join(this.path, "filler")]);
  }

  async makeRoom(): Promise<void> {
    await Deno.remove(join(this.path, "filler"));
  }

  /** Moves the disk's contents back, because the next test uses the same servers. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.servers.stop("postgres");
    await Deno.remove(`${this.path}.before`, { recursive: true });
    await runProgram("cp", ["-a", this.path, `${this.path}.before`]);
    await runProgram("umount", [this.path]);
    await Deno.remove(this.path);
    await Deno.rename(`${this.path}.before`, this.path);
    await this.servers.restart();
  }
}
