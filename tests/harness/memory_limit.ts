/** The memory limit that deploy/kubernetes gives a subscriber, in a cgroup like the kubelet's. */
import { join } from "node:path";
import { parseAllDocuments } from "yaml";

const project = join(import.meta.dirname!, "../..");
const mebibyte = 1_048_576;

export class MemoryLimit implements AsyncDisposable {
  private constructor(private readonly root: string, private readonly group: string, private readonly own: string) {}

  /** @returns `undefined` where this process may not limit memory: only root may, and not in every container */
  static async ofSubscriber(): Promise<MemoryLimit | undefined> {
    // cgroups v2 has one hierarchy; v1 has a separate one for memory.
    const isUnified = await exists("/sys/fs/cgroup/cgroup.controllers");
    const root = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const group = `${root}/casino-test-${crypto.randomUUID()}`;
    const limit = join(group, isUnified ? "memory.max" : "memory.limit_in_bytes");
    if (!await Deno.mkdir(group).then(() => exists(limit), () => false)) return undefined;
    await Deno.writeTextFile(limit, String(await limitOfManifest()));
    const own = Deno.readTextFileSync("/proc/self/cgroup").split("\n")
      .find((line) => isUnified ? line.startsWith("0::") : line.includes(":memory:"))!.split(":")[2]!;
    return new MemoryLimit(root, group, own);
  }

  /** Runs `start` while this process is in the group, so that the new process is in it from its first instruction. */
  around<T>(start: () => T): T {
    Deno.writeTextFileSync(join(this.group, "cgroup.procs"), String(Deno.pid));
    try {
      return start();
    } finally {
      Deno.writeTextFileSync(join(this.root, this.own, "cgroup.procs"), String(Deno.pid));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.group).catch(() => {});
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function limitOfManifest(): Promise<number> {
  const documents = parseAllDocuments(await Deno.readTextFile(join(project, "deploy/kubernetes/base/subscriber.yaml")));
  const deployment = documents.map((each) => each.toJS()).find(({ kind }) => kind === "Deployment");
  const [, mebibytes] = /^(\d+)Mi$/.exec(deployment.spec.template.spec.containers[0].resources.limits.memory)!;
  return Number(mebibytes) * mebibyte;
}
