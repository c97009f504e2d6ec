/** A process to be measured. It can be stopped while its input is prepared. */
import { join } from "node:path";
import { readLines } from "../tools/demo/members.ts";
import {
  expandPermissions,
  joinPermissions,
  parseTask,
  readPermissionSets,
  readTasks,
  type TaskLine,
} from "../tools/tasks/task_line.ts";

export const project = join(import.meta.dirname!, "..");

export interface ProgramOptions {
  /**
   * A task of deno.json, run as it is written there; or a file, relative to the project's root, with the flags of the
   * named task, or else with the permissions of the tasks.
   */
  readonly program: { readonly task: string } | { readonly file: string; readonly withFlagsOf?: string };
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** A file for stdout; {@linkcode Program.until} then sees only stderr. */
  readonly stdout?: string;
}

const endTimeoutMs = 30_000;
const mostLines = 1_000;

export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: string[] = [];
  readonly #read: Promise<unknown>;
  #ended = false;
  #wake = () => {};

  constructor(options: ProgramOptions) {
    const { program, args = [], env, stdout } = options;
    const [file, ...flags] = wordsOf(program).toReversed();
    const words = [Deno.execPath(), "run", ...flags, join(project, file!), ...args];
    // Deno cannot give a child a file. The shell can, and its `exec` keeps the pid for the program.
    const script = stdout === undefined ? 'exec "$0" "$@"' : `exec "$0" "$@" > '${stdout}'`;
    this.#child = new Deno.Command("sh", {
      args: ["-c", script, ...words],
      cwd: project,
      env: { ...env, NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { stdout: said, stderr: logged } = this.#child;
    this.#read = Promise.all([said, logged].map((stream) => readLines(stream, (line) => this.#keep(line))));
    this.#child.status.then(() => {
      this.#ended = true;
      this.#wake();
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Resolves with the first line on stdout or stderr that contains the text. @throws when the program ends first */
  async until(text: string, timeoutMs = 120_000): Promise<string> {
    const giveUpAt = performance.now() + timeoutMs;
    while (true) {
      const found = this.#lines.find((line) => line.includes(text));
      if (found !== undefined) return found;
      if (this.#ended || performance.now() > giveUpAt) {
        throw new Error(
          `no output "${text}" ${this.#ended ? "before the program ended" : `within ${timeoutMs} ms`}. ${this.#said}`,
        );
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, 1_000);
      await promise;
      clearTimeout(timer);
    }
  }

  hold(): void {
    this.#child.kill("SIGSTOP");
  }

  release(): void {
    this.#child.kill("SIGCONT");
  }

  /** Waits for the program to end. @throws when its exit status is not 0 */
  async end(): Promise<void> {
    const { code, signal } = await this.#child.status;
    await this.#read;
    if (code !== 0) throw new Error(`exited with ${signal ?? code}. ${this.#said}`);
  }

  /** Sends SIGTERM. @throws when the program does not end, or its exit status is not 0 */
  async stop(): Promise<void> {
    if (this.#ended) return;
    this.release();
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), endTimeoutMs);
    await this.end().finally(() => clearTimeout(timer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#read;
  }

  get #said(): string {
    return `It said:\n${this.#lines.slice(-8).join("\n")}`;
  }

  #keep(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > mostLines) this.#lines.shift();
    this.#wake();
  }
}

/** Returns Deno's flags, and the file last. A file that is not a task may also read its own environment variables. */
function wordsOf(program: ProgramOptions["program"]): string[] {
  if ("file" in program && program.withFlagsOf) {
    const { flags } = taskOf(program.withFlagsOf);
    const own = expandPermissions(flags, readPermissionSets(project));
    return [...joinPermissions(own, ["--allow-env"]), program.file];
  }
  if ("file" in program) return ["-q", "--allow-net", "--allow-env", "--allow-read", "--allow-sys", program.file];
  const { flags, program: file } = taskOf(program.task);
  return [...flags, file];
}

function taskOf(name: string): TaskLine {
  return parseTask(readTasks(project)[name]!);
}

/** The kernel counts in USER_HZ (man 5 proc), which is 100 on Linux. */
const msPerTick = 10;

interface Entry {
  readonly parent: number;
  readonly ticks: number;
}

/** Returns the CPU time in ms (steps of 10) that each process and its descendants have used, ended ones included. */
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

/** `comm` may hold spaces and brackets, so the fields begin after the last bracket. */
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

/** A process may end after it was listed and before it is read. */
function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
