/** The system's members as processes of their own, as an operator would start them. */
import { join } from "node:path";
import { type Random, systemRandom } from "../../shared/runtime/random.ts";
import { expandPermissions, joinPermissions, parseTask, readPermissionSets, readTasks } from "../tasks/task_line.ts";

export interface Member {
  readonly name: string;
  readonly child: Deno.ChildProcess;
  /** The fields of the newest log record. */
  lastFields: Readonly<Record<string, unknown>>;
  /** The newest log records, {@linkcode mostMessages} at most. */
  readonly records: Readonly<Record<string, unknown>>[];
  /** Every message that was logged; of a member that runs for long, the newest {@linkcode mostMessages}. */
  readonly messages: string[];
  readonly ended: Promise<Deno.CommandStatus>;
  readonly read: Promise<void>;
}

type Env = Readonly<Record<string, string | undefined>>;

export interface StartOptions {
  /** Whose flags and permissions it gets; the task of its own name if left out. */
  readonly task?: string;
  /** The program, from the project's root, in place of the task's own. */
  readonly program?: string;
  /** Deno permissions beyond those of the task. */
  readonly permissions?: readonly string[];
  /** Gets each whole line of stdout, which otherwise goes nowhere. */
  readonly onLine?: (line: string) => void;
  /** Whether the caller writes its stdin, and closes it. */
  readonly reads?: boolean;
}

const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;
const mostMessages = 1_000;

export class Members implements AsyncDisposable {
  readonly #running = new Set<Member>();

  /**
   * Each is started with the flags and permissions that its task has in deno.json, and no others.
   * @param by by itself, or by `deno task`, which another release's deno.json may need
   */
  constructor(private readonly project: string, private readonly by: "program" | "task" = "program") {}

  start(name: string, args: readonly string[], env: Env, options: StartOptions = {}): Member {
    const child = this.#command(name, args, env, options.onLine ? "piped" : "null", options).spawn();
    const member: Member = {
      name,
      child,
      lastFields: {},
      messages: [],
      records: [],
      ended: child.status,
      read: Promise.resolve(),
    };
    const logging = readLines(child.stderr, (line) => {
      const record = parseRecord(line);
      member.lastFields = record;
      member.records.push(record);
      member.messages.push(String(record["message"]));
      if (member.messages.length > mostMessages) member.messages.shift();
      if (member.records.length > mostMessages) member.records.shift();
    });
    const reporting = options.onLine ? readLines(child.stdout, options.onLine) : Promise.resolve();
    Object.assign(member, { read: Promise.all([logging, reporting]).then(() => {}) });
    this.#running.add(member);
    return member;
  }

  /**
   * Waits for a record by its `event` code, or by its message.
   * @throws when the member ends, or logs no such record within a minute
   */
  async untilLogged(member: Member, what: string): Promise<void> {
    const giveUpAt = performance.now() + startTimeoutMs;
    let ended = false;
    member.ended.then(() => ended = true);
    while (!hasLogged(member, what)) {
      if (ended || performance.now() > giveUpAt) {
        throw new Error(`The ${member.name} did not come up. It said:\n${member.messages.slice(-5).join("\n")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** @returns what the member wrote to stdout @throws when its exit status is not 0 */
  async runToEnd(name: string, args: readonly string[], env: Env, options: StartOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(name, args, env, options);
    if (code !== 0) throw new Error(`The ${name} failed:\n${stderr}`);
    return stdout;
  }

  async run(
    name: string,
    args: readonly string[],
    env: Env,
    options: StartOptions = {},
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const { code, stdout, stderr } = await this.#command(name, args, env, "piped", options).output();
    return { code, stdout: new TextDecoder().decode(stdout).trim(), stderr: new TextDecoder().decode(stderr) };
  }

  /** Asks the member to leave; ends it when it does not. */
  async stop(member: Member): Promise<void> {
    if (!this.#running.delete(member)) return;
    const timer = setTimeout(() => this.signal(member, "SIGKILL"), stopTimeoutMs);
    this.signal(member, "SIGTERM");
    await member.ended;
    await member.read;
    clearTimeout(timer);
  }

  /** Ends the member at once, and waits until it is gone. */
  async kill(member: Member): Promise<void> {
    this.#running.delete(member);
    this.signal(member, "SIGKILL");
    await member.ended;
    await member.read;
  }

  signal(member: Member, signal: Deno.Signal): void {
    try {
      member.child.kill(signal);
    } catch {
      // It has ended already.
    }
  }

  async stopAll(): Promise<void> {
    await Promise.all(Array.from(this.#running, (member) => this.stop(member)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stopAll();
  }

  #command(
    name: string,
    args: readonly string[],
    env: Env,
    stdout: "null" | "piped",
    { task = name, program, permissions = [], reads = false }: StartOptions = {},
  ): Deno.Command {
    const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const start = this.by === "task" ? ["task", "--quiet", name] : this.#program(task, env, program, permissions);
    return new Deno.Command(Deno.execPath(), {
      args: [...start, ...args],
      cwd: this.project,
      env: Object.fromEntries(given),
      stdin: reads ? "piped" : "null",
      stdout,
      stderr: "piped",
    });
  }

  #program(taskName: string, env: Env, program: string | undefined, permissions: readonly string[]): string[] {
    const task = parseTask(readTasks(this.project)[taskName]!, env);
    const flags = permissions.length === 0
      ? task.flags
      : joinPermissions(expandPermissions(task.flags, readPermissionSets(this.project)), permissions);
    const what = program === undefined ? [task.program, ...task.operands] : [program];
    return ["run", ...flags, ...what.with(0, join(this.project, what[0]!))];
  }
}

/** Whether one of the newest records has this `event` code, or this message. */
export function hasLogged({ records }: Member, what: string): boolean {
  return records.some(({ event, message }) => event === what || message === what);
}

/** Ports that were given, and may not be in use yet. */
const given = new Set<number>();

/**
 * A port that nobody uses at the moment and that was not given before, from 20,000 to 32,767: below those that systems
 * give to outgoing connections (Linux from 32,768, RFC 6335 from 49,152). One of these could be such a connection's
 * when a server comes back to it, and who connects to it meanwhile could be connected to himself.
 */
export function freePort(random: Random = systemRandom): number {
  while (true) {
    const port = random.int(20_000, 32_767);
    if (given.has(port)) continue;
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      given.add(port);
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** A line without its end, left by a member that was killed, is not one. */
export async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
}

function parseRecord(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line);
  } catch {
    return { message: line };
  }
}
