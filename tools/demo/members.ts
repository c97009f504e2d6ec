/** The system's members as processes of their own, as an operator would start them. */
import { join } from "node:path";

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
  /** The program, from the project's root; NAME/main.ts if left out. */
  readonly program?: string;
  /** Deno permissions beyond those of the tasks. */
  readonly permissions?: readonly string[];
  /** Gets each whole line of stdout, which otherwise goes nowhere. */
  readonly onLine?: (line: string) => void;
}

const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;
const mostMessages = 1_000;
const permissions = ["--allow-net", "--allow-env", "--allow-read", "--allow-sys"];

export class Members {
  readonly #running = new Set<Member>();

  /** @param by how they are started: as programs, or by the tasks of the project's deno.json, with the flags that stand there */
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

  /** @throws when the member ends, or says nothing of the kind within a minute */
  async untilLogged(member: Member, message: string): Promise<void> {
    const giveUpAt = performance.now() + startTimeoutMs;
    let ended = false;
    member.ended.then(() => ended = true);
    while (!member.messages.includes(message)) {
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

  #command(
    name: string,
    args: readonly string[],
    env: Env,
    stdout: "null" | "piped",
    { program = `${name}/main.ts`, permissions: more = [] }: StartOptions = {},
  ): Deno.Command {
    const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const start = this.by === "task"
      ? ["task", "--quiet", name]
      : ["run", "--quiet", ...permissions, ...more, join(this.project, program)];
    return new Deno.Command(Deno.execPath(), {
      args: [...start, ...args],
      cwd: this.project,
      env: Object.fromEntries(given),
      stdin: "null",
      stdout,
      stderr: "piped",
    });
  }
}

/** A port that nobody uses at the moment. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

/** A line without its end, left by a member that was killed, is not one. */
async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
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
