/** CPU time and memory of processes, from Linux's /proc, which needs all of Deno's permissions. */

/** Of the kernel's accounting: man 5 proc, fields in USER_HZ, which is 100 on Linux. */
const msPerTick = 10;

interface Entry {
  readonly parent: number;
  readonly ticks: number;
}

/**
 * CPU time that each process and its descendants have used so far, those that have ended included, in ms (steps of 10).
 */
export function cpuMsOf(pids: readonly number[]): number[] {
  const entries = new Map<number, Entry>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const entry = read(`/proc/${name}/stat`);
    if (entry !== undefined) entries.set(Number(name), parseStat(entry));
  }
  return pids.map((pid) => {
    let ticks = 0;
    for (const [each, entry] of entries) if (descends(each, pid, entries)) ticks += entry.ticks;
    return ticks * msPerTick;
  });
}

/** Resident memory in MiB: now, and at its highest so far. */
export function memoryMibOf(pid: number): { now: number; peak: number } {
  const status = read(`/proc/${pid}/status`) ?? "";
  const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? NaN) / 1024;
  return { now: mib("VmRSS"), peak: mib("VmHWM") };
}

/** `comm` may hold spaces and brackets: the fields begin behind the last bracket. */
function parseStat(text: string): Entry {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number);
  return { parent: Number(fields[1]), ticks: utime! + stime! + cutime! + cstime! };
}

function descends(pid: number, ancestor: number, entries: ReadonlyMap<number, Entry>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 0; at = entries.get(at)?.parent) {
    if (at === ancestor) return true;
  }
  return false;
}

/** A process may end between being listed and being read. */
function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
