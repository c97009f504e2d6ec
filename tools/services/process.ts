/** Processes that outlive the command that starts them, and that later commands identify reliably. */
import { type Identity, runProgram } from "../run_program.ts";
import { delay, type ServerName, ServiceError } from "./server.ts";

/** A process to start. It inherits only PATH from our environment: a variable such as PGDATA would misconfigure it. */
export interface Launch {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Port of 127.0.0.1 at which it must listen before the next process starts. */
  readonly readyAt?: number;
  /** Signal for a graceful stop; SIGTERM if omitted. */
  readonly stopSignal?: Deno.Signal;
}

/** How to run a server from the system's packages. */
export interface NativeServer {
  readonly name: ServerName;
  /** Required programs, by name or path; the first that exists in each list is used. */
  readonly programs: Readonly<Record<string, readonly string[]>>;
  /** The user that runs it when we are root. */
  readonly user: string;
  /** Prepares the folder, and returns the processes to start in it, in order. */
  prepare(context: NativeContext): Promise<readonly Launch[]>;
}

export interface NativeContext {
  /** The server's own folder, owned by its user. */
  readonly folder: string;
  readonly programs: Readonly<Record<string, string>>;
  readonly url: URL;
  /** Runs a program in the folder as the server's user and waits for it. @throws an error with the end of its output */
  run(program: string, args: readonly string[]): Promise<string>;
}

/** A process that `up` started and `down` stops. */
export interface Process {
  readonly name: string;
  readonly pid: number;
  /** Start time of the process, as the system reports it: the pid alone may have been reused. */
  readonly begun: string;
  /** Port of the server that the process belongs to. Each port is a separate server. */
  readonly port: string;
  readonly stopSignal?: Deno.Signal;
}

/**
 * Starts a process in its own session, so that it survives our exit and Ctrl-C in our terminal. Output goes to `log`.
 */
export async function launch(
  { name, program, args, env, stopSignal }: Launch,
  port: string,
  cwd: string,
  log: string,
  as?: Identity,
): Promise<Process> {
  const child = new Deno.Command("sh", {
    args: ["-c", 'exec "$@" >>"$0" 2>&1', log, program, ...args],
    cwd,
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8", HOME: cwd, ...env },
    ...as,
  }).spawn();
  child.unref();
  const begun = await beginningOf(child.pid);
  if (begun === undefined) throw new ServiceError(`${program} ended at once; its log is ${log}`);
  return { name, pid: child.pid, begun, port, ...(stopSignal && { stopSignal }) };
}

/** Returns the server that the process belongs to. */
export function serverOf({ name }: Pick<Process, "name">): ServerName {
  return name === "epmd" ? "rabbitmq" : name as ServerName;
}

export async function isRunning({ pid, begun }: Process): Promise<boolean> {
  return await beginningOf(pid) === begun;
}

/** Signals the process, and kills it after `graceMs`. @returns whether it had to be killed */
export async function stop(process: Process, graceMs: number): Promise<boolean> {
  for (const signal of [process.stopSignal ?? "SIGTERM", "SIGKILL"] as const) {
    if (!await isRunning(process)) return false;
    Deno.kill(process.pid, signal);
    if (await hasEnded(process, graceMs)) return signal === "SIGKILL";
  }
  throw new ServiceError(`${process.name} (pid ${process.pid}) does not end, not even by SIGKILL.`);
}

/** Waits for a process to exit. @returns whether it did */
export async function hasEnded(process: Process, withinMs: number): Promise<boolean> {
  const giveUpAt = performance.now() + withinMs;
  while (await isRunning(process)) {
    if (performance.now() > giveUpAt) return false;
    await delay(50);
  }
  return true;
}

/** Returns the start time of the process; `undefined` when it does not exist, or is a zombie. */
async function beginningOf(pid: number): Promise<string | undefined> {
  if (Deno.build.os !== "linux") {
    return (await runProgram("ps", ["-o", "lstart=", "-p", String(pid)]).catch(() => "")).trim() || undefined;
  }
  // Deno reads /proc only with all permissions, and not every Linux has ps.
  const files = [`/proc/${pid}/stat`, "/proc/sys/kernel/random/boot_id"];
  const [stat = "", boot] = (await runProgram("cat", files).catch(() => "")).split("\n");
  // The second field, the name, may contain spaces and brackets. The 22nd counts ticks since boot: proc(5).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, threads, begun] = [fields[0], fields[17], fields[19]];
  // A zombie still holds its ports while it has threads beside the first.
  if (begun === undefined || (state === "Z" && Number(threads) <= 1)) return undefined;
  return `${begun}@${boot}`;
}
