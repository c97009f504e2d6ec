/** Runs a document's commands in a shell, in a clone of the project with private servers. */
import { join } from "node:path";
import { endOf } from "../../../tools/run_program.ts";

const patienceMs = 40_000;
const pauseMs = 300;

export interface Answer {
  readonly code: number;
  /** stdout and stderr. */
  readonly output: string;
}

export class Operator {
  /** Process groups of the members that were started with `&`, by name. */
  readonly #groups = new Map<string, number>();

  /**
   * @param folder the operator's working directory: a clone of the project
   * @param programs a folder that comes first in PATH
   * @param beforeEach commands that run before each command
   */
  constructor(readonly folder: string, private readonly programs: string, private readonly beforeEach: string) {}

  /** @param first lines that the test adds before the command */
  async type(command: string, first = ""): Promise<Answer> {
    const script = [this.beforeEach, first, command].join("\n");
    const child = new Deno.Command("bash", {
      args: ["-o", "errexit", "-o", "pipefail", "-c", script],
      cwd: this.folder,
      // In a process group of its own, so that processes left running can be ended.
      detached: true,
      env: { PATH: `${this.programs}:${Deno.env.get("PATH")}`, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { code, stdout, stderr } = await child.output();
    const name = startedBy(command);
    if (name) this.#groups.set(name, child.pid);
    return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  }

  /**
   * Repeats the command until its output matches. Without a pattern, runs it once, and it must succeed.
   * @param first lines that the test adds before the command
   */
  async try(command: string, shows: RegExp | undefined, at: string, first = ""): Promise<void> {
    const giveUpAt = performance.now() + patienceMs;
    while (true) {
      const { code, output } = await this.type(command, first);
      if (shows ? shows.test(output) : code === 0) return;
      if (!shows || performance.now() > giveUpAt) {
        throw new Error(
          `${at}\n${command}\nended with ${code}${shows ? ` and never showed ${shows}` : ""}:\n${output}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /** Forgets the members that the document's commands have stopped. */
  async forgetEnded(): Promise<void> {
    for (const [name, group] of this.#groups) {
      if (!await isAlive(group)) this.#groups.delete(name);
    }
  }

  get running(): readonly string[] {
    return [...this.#groups.keys()];
  }

  /** Ends a member and all of its processes. */
  async end(name: string, signal: "TERM" | "KILL" = "TERM"): Promise<void> {
    const group = this.#groups.get(name);
    if (group === undefined) return;
    this.#groups.delete(name);
    await signalGroup(group, signal);
    while (await isAlive(group)) await new Promise((resolve) => setTimeout(resolve, 50));
  }

  async signal(name: string, signal: "STOP" | "CONT"): Promise<void> {
    await signalGroup(this.#groups.get(name)!, signal);
  }

  /** Puts a program before all others of the same name in PATH. */
  async shadow(name: string, script: string): Promise<void> {
    await Deno.writeTextFile(join(this.programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
}

async function signalGroup(group: number, signal: string): Promise<void> {
  // It is no error when the group has ended already.
  await endOf("kill", ["-s", signal, "--", `-${group}`]);
}

/** The group is also a session, which ps can list. A zombie counts as dead. */
async function isAlive(group: number): Promise<boolean> {
  const { stdout } = await endOf("ps", ["-o", "stat=", "-s", String(group)]);
  return stdout.split("\n").some((state) => /^[^Z\s]/.test(state));
}

/** Returns the name of the member that a block leaves running. */
function startedBy(command: string): string | undefined {
  if (!/ &$/m.test(command)) return undefined;
  return /SUBSCRIBER_ID=(\S+)/.exec(command)?.[1] ?? /deno task (\S+)/.exec(command)?.[1];
}
