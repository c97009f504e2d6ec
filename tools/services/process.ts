/** Processes that outlive the command that starts them, and that are known again later beyond doubt. */
import { delay, type Launch, type Process, ServiceError } from "./server.ts";

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** Runs a program and waits for its end. @throws {ServiceError} with its last words when it fails */
export async function runToEnd(
  program: string,
  args: readonly string[],
  { cwd, env, as }: { cwd?: string; env?: Readonly<Record<string, string>>; as?: Identity | undefined } = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...(cwd && { cwd }),
    ...(env && { env }),
    ...as,
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (success) return text;
  const words = `${text}\n${new TextDecoder().decode(stderr)}`.trim().split("\n").slice(-8).join("\n");
  throw new ServiceError(`${program} failed:\n${words}`);
}

/** Starts a process of its own session: neither our end nor Ctrl-C in our terminal ends it. Output goes to `log`. */
export async function launch(
  { name, program, args, env }: Launch,
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
    ...(env && { env }),
    ...as,
  }).spawn();
  child.unref();
  const begun = await beginningOf(child.pid);
  if (begun === undefined) throw new ServiceError(`${program} ended at once; its log is ${log}`);
  return { name, pid: child.pid, begun };
}

export async function isRunning({ pid, begun }: Process): Promise<boolean> {
  return await beginningOf(pid) === begun;
}

/** Asks the process to end, and after `graceMs` ends it. @returns whether it had to be forced */
export async function stop(process: Process, graceMs: number): Promise<boolean> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (!await isRunning(process)) return false;
    Deno.kill(process.pid, signal);
    for (let waited = 0; waited < graceMs; waited += 50) {
      await delay(50);
      if (!await isRunning(process)) return signal === "SIGKILL";
    }
  }
  throw new ServiceError(`${process.name} (pid ${process.pid}) does not end, not even by SIGKILL.`);
}

/** When the process began; `undefined` when there is none, or only its remains. */
async function beginningOf(pid: number): Promise<string | undefined> {
  if (Deno.build.os !== "linux") {
    return (await runToEnd("ps", ["-o", "lstart=", "-p", String(pid)]).catch(() => "")).trim() || undefined;
  }
  // Deno itself reads /proc with every permission or not at all, and ps is not on every Linux.
  const stat = await runToEnd("cat", [`/proc/${pid}/stat`]).catch(() => "");
  // The second field, the name, may hold spaces and brackets: proc(5).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? undefined : fields[19];
}
