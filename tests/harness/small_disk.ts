/** A disk of Postgres that a test fills to its last block. */
import { join } from "node:path";
import { runProgram } from "../../tools/run_program.ts";
import type { PrivateServers } from "./private_servers.ts";

/** Free space that Postgres needs to start, in MiB. */
const roomMiB = 60;

/** Only root may mount a small disk. */
export const mayMount = Deno.uid() === 0;

/** Moves a folder of Postgres to a file system of its own, which is little larger than the folder. */
export class SmallDisk implements AsyncDisposable {
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

  /** Moves the disk's contents back, because what comes next uses the same servers. */
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
