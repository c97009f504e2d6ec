/** Processes that outlive the command that starts them, and that are known again later beyond doubt. */
import { type Identity, runProgram } from "../run_program.ts";
import { delay, type ServerName, ServiceError } from "./server.ts";

/** A process to start. It inherits PATH alone from our environment: a variable such as PGDATA would misconfigure it. */
export interface Launch {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Port of 127.0.0.1 that it must listen at before the next is started. */
  readonly readyAt?: number;
  /** Asks it to end in order; SIGTERM if left out. */
  readonly stopSignal?: Deno.Signal;
}

/** How a server is run from the system's packages. */
export interface NativeServer {
  readonly name: ServerName;
  /** Programs that must be there, by name or path; the first found of each list counts. */
  readonly programs: Readonly<Record<string, readonly string[]>>;
  /** The user that it runs as when we are root. */
  readonly user: string;
  /** Prepares the folder, and says what to run in it, in this order. */
  prepare(context: NativeContext): Promise<readonly Launch[]>;
}

export interface NativeContext {
  /** The server's own folder, owned by its user. */
  readonly folder: string;
  readonly programs: Readonly<Record<string, string>>;
  readonly url: URL;
  /** Runs a program in the folder as the server's user and waits for its end. @throws an error with its last words */
  run(program: string, args: readonly string[]): Promise<string>;
}

/** A process that `up` started and `down` stops. */
export interface Process {
  readonly name: string;
  readonly pid: number;
  /** When the process began, as the system tells it: a pid alone may be another's by now. */
  readonly begun: string;
  /** The port of the server that it is, or belongs to: servers at two ports are two servers. */
  readonly port: string;
  readonly stopSignal?: Deno.Signal;
}

/** Starts a process of its own session: neither our end nor Ctrl-C in our terminal ends it. Output goes to `log`. */
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

/** The server that the process is, or belongs to. */
export function serverOf({ name }: Pick<Process, "name">): ServerName {
  return name === "epmd" ? "rabbitmq" : name as ServerName;
}

export async function isRunning({ pid, begun }: Process): Promise<boolean> {
  return await beginningOf(pid) === begun;
}

/** Asks the process to end, and after `graceMs` ends it. @returns whether it had to be forced */
export async function stop(process: Process, graceMs: number): Promise<boolean> {
  for (const signal of [process.stopSignal ?? "SIGTERM", "SIGKILL"] as const) {
    if (!await isRunning(process)) return false;
    Deno.kill(process.pid, signal);
    if (await hasEnded(process, graceMs)) return signal === "SIGKILL";
  }
  throw new ServiceError(`${process.name} (pid ${process.pid}) does not end, not even by SIGKILL.`);
}

/** Waits for a process to end. @returns whether it did */
export async function hasEnded(process: Process, withinMs: number): Promise<boolean> {
  const giveUpAt = performance.now() + withinMs;
  while (await isRunning(process)) {
    if (performance.now() > giveUpAt) return false;
    await delay(50);
  }
  return true;
}

/** When the process began; `undefined` when there is none, or only its remains. */
async function beginningOf(pid: number): Promise<string | undefined> {
  if (Deno.build.os !== "linux") {
    return (await runProgram("ps", ["-o", "lstart=", "-p", String(pid)]).catch(() => "")).trim() || undefined;
  }
  // Deno itself reads /proc with every permission or not at all, and ps is not on every Linux.
  const files = [`/proc/${pid}/stat`, "/proc/sys/kernel/random/boot_id"];
  const [stat = "", boot] = (await runProgram("cat", files).catch(() => "")).split("\n");
  // The second field, the name, may hold spaces and brackets; the 22nd counts ticks since the machine started: proc(5).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, threads, begun] = [fields[0], fields[17], fields[19]];
  // Killed, but not gone while threads besides the first are there: they hold its ports.
  if (begun === undefined || (state === "Z" && Number(threads) <= 1)) return undefined;
  return `${begun}@${boot}`;
}
