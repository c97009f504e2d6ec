/** The system's members as separate processes, started as an operator starts them. */
import { join } from "node:path";
import { type Random, systemRandom } from "../../shared/runtime/random.ts";
import { expandPermissions, joinPermissions, parseTask, readPermissionSets, readTasks } from "../tasks/task_line.ts";

export interface Member {
  readonly name: string;
  readonly child: Deno.ChildProcess;
  /** The fields of the newest log record. */
  lastFields: Readonly<Record<string, unknown>>;
  /** The newest log records, at most {@linkcode mostMessages}. */
  readonly records: Readonly<Record<string, unknown>>[];
  /** The newest log messages, at most {@linkcode mostMessages}. */
  readonly messages: string[];
  readonly ended: Promise<Deno.CommandStatus>;
  readonly read: Promise<void>;
}

type Env = Readonly<Record<string, string | undefined>>;

export interface StartOptions {
  /** The task whose flags and permissions the member gets; the task of its own name if omitted. */
  readonly task?: string;
  /** The program to run instead of the task's own, as a path from the project's root. */
  readonly program?: string;
  /** Deno permissions beyond those of the task. */
  readonly permissions?: readonly string[];
  /** Called with each complete line of stdout. Without it, stdout is discarded. */
  readonly onLine?: (line: string) => void;
  /** Whether the caller writes the member's stdin, and closes it. */
  readonly reads?: boolean;
}

const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;
const mostMessages = 1_000;

export class Members implements AsyncDisposable {
  readonly #running = new Set<Member>();

  /**
   * Each member gets exactly the flags and permissions that its task has in deno.json.
   * @param by whether to start the program directly or through `deno task`, which another release's deno.json may need
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
   * Waits for a log record by its `event` code, or by its message.
   * @throws when the member exits, or logs no such record within a minute
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

  /** @returns the member's stdout @throws when its exit status is not 0 */
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

  /** Asks the member to shut down, and kills it if it does not. */
  async stop(member: Member): Promise<void> {
    if (!this.#running.delete(member)) return;
    const timer = setTimeout(() => this.signal(member, "SIGKILL"), stopTimeoutMs);
    this.signal(member, "SIGTERM");
    await member.ended;
    await member.read;
    clearTimeout(timer);
  }

  /** Kills the member, and waits until it is gone. */
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
      // The member has already exited.
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

/** Returns whether one of the newest records has this `event` code, or this message. */
export function hasLogged({ records }: Member, what: string): boolean {
  return records.some(({ event, message }) => event === what || message === what);
}

/** Ports that were returned, and may not be in use yet. */
const given = new Set<number>();

/**
 * Returns an unused port from 20,000 to 32,767 that was not returned before. Systems assign outgoing connections ports
 * above these (Linux from 32,768, RFC 6335 from 49,152). Such a connection could occupy the port of a stopped server,
 * so that the server could not restart, and a client that connects to its own source port would connect to itself.
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

/** Drops an incomplete last line, which a killed member may leave. */
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
