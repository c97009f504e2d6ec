/** The system's members as processes of their own, as an operator would start them. */
import { join } from "node:path";

export interface Member {
  readonly name: string;
  readonly child: Deno.ChildProcess;
  /** The fields of the newest log record. */
  lastFields: Readonly<Record<string, unknown>>;
  /** Every message that was logged. */
  readonly messages: string[];
  readonly ended: Promise<Deno.CommandStatus>;
  readonly read: Promise<void>;
}

type Env = Readonly<Record<string, string | undefined>>;

const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;
const permissions = ["--allow-net", "--allow-env", "--allow-read", "--allow-sys"];

export class Members {
  readonly #running = new Set<Member>();

  constructor(private readonly project: string) {}

  start(name: string, args: readonly string[], env: Env): Member {
    const child = this.#command(name, args, env, "null").spawn();
    const member: Member = {
      name,
      child,
      lastFields: {},
      messages: [],
      ended: child.status,
      read: Promise.resolve(),
    };
    const reading = readRecords(child.stderr, (record) => {
      member.lastFields = record;
      member.messages.push(String(record["message"]));
    });
    Object.assign(member, { read: reading });
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
  async runToEnd(name: string, args: readonly string[], env: Env): Promise<string> {
    const { code, stdout, stderr } = await this.run(name, args, env);
    if (code !== 0) throw new Error(`The ${name} failed:\n${stderr}`);
    return stdout;
  }

  async run(
    name: string,
    args: readonly string[],
    env: Env,
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const { code, stdout, stderr } = await this.#command(name, args, env, "piped").output();
    return { code, stdout: new TextDecoder().decode(stdout).trim(), stderr: new TextDecoder().decode(stderr) };
  }

  /** Asks the member to leave; ends it when it does not. */
  async stop(member: Member): Promise<void> {
    if (!this.#running.delete(member)) return;
    const timer = setTimeout(() => member.child.kill("SIGKILL"), stopTimeoutMs);
    try {
      member.child.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    await member.ended;
    await member.read;
    clearTimeout(timer);
  }

  async stopAll(): Promise<void> {
    await Promise.all(Array.from(this.#running, (member) => this.stop(member)));
  }

  #command(name: string, args: readonly string[], env: Env, stdout: "null" | "piped"): Deno.Command {
    const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", ...permissions, join(this.project, name, "main.ts"), ...args],
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

async function readRecords(
  stream: ReadableStream<Uint8Array>,
  onRecord: (record: Record<string, unknown>) => void,
): Promise<void> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      try {
        onRecord(JSON.parse(line));
      } catch {
        onRecord({ message: line });
      }
    }
  }
}
