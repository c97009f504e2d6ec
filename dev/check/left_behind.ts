/** Finds files and processes that tests have left behind, by the TMPDIR that every test process gets. */
import { join } from "node:path";
import { down } from "../../tools/services/down.ts";

const patienceMs = 5_000;

/** Makes the tests' TMPDIR, which servers that run as users of their own may write, too. */
export async function makeTemporaryFolder(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "casino-check-" });
  await Deno.chmod(folder, 0o1777);
  return folder;
}

/**
 * Files and processes that are still there after a while. Servers that belong to them are then stopped, and files
 * removed.
 * @param folder the processes' TMPDIR, or where their home is
 * @returns each as a few words
 */
export async function leftBehind(folder: string): Promise<string[]> {
  const giveUpAt = performance.now() + patienceMs;
  while (true) {
    const left = [...await filesIn(folder), ...await processesOf(folder)];
    if (left.length === 0 || performance.now() > giveUpAt) {
      for (const project of await filesIn(folder)) await down({ project, deleteData: true, say: () => {} });
      await Deno.remove(folder, { recursive: true });
      return left;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function filesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => join(folder, name));
}

/** Known by their environment, which only Linux shows. */
async function processesOf(folder: string): Promise<string[]> {
  if (Deno.build.os !== "linux") return [];
  const processes: string[] = [];
  for await (const { name: pid } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === Deno.pid) continue;
    // It may have ended meanwhile, or be another user's.
    const [environment, line] = await Promise.all(
      ["environ", "cmdline"].map((file) => Deno.readTextFile(`/proc/${pid}/${file}`).catch(() => "")),
    );
    if (environment?.includes(folder)) {
      processes.push(`process ${pid} (${line?.replaceAll("\0", " ").trim().slice(0, 100)})`);
    }
  }
  return processes;
}
