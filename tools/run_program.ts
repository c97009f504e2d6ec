/** Runs a program until it exits. All code that runs programs uses this module. */

/** The user that runs a program, if not the current user. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

export interface RunOptions {
  readonly cwd?: string | undefined;
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly as?: Identity | undefined;
  /** Text for the program's stdin; without it, stdin is closed. */
  readonly input?: string;
  /** Whether to also print the output as it arrives. */
  readonly shown?: boolean;
  /** The program is killed after this many ms; 30 minutes if omitted. */
  readonly deadlineMs?: number;
}

export interface Ended {
  readonly success: boolean;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** All of stdout, then all of stderr. */
  readonly output: string;
}

/** A program was not found, failed, or timed out. The message has its exit code and the end of its output. */
export class ProgramError extends Error {
  override readonly name = "ProgramError";
}

const longestMs = 30 * 60_000;
const lastLines = 8;

/** Runs a program that must succeed. @returns its stdout @throws {ProgramError} when it fails */
export async function runProgram(program: string, args: readonly string[], options?: RunOptions): Promise<string> {
  const ended = await endOf(program, args, options);
  if (!ended.success) throw failure(program, ended);
  return ended.stdout;
}

/** Returns whether a program exists, and succeeds within the deadline. */
export async function succeeds(program: string, args: readonly string[], options?: RunOptions): Promise<boolean> {
  return await endOf(program, args, options).then(({ success }) => success, () => false);
}

/** Runs a program that may fail. @throws {ProgramError} when it is not found, or times out */
export async function endOf(
  program: string,
  args: readonly string[],
  { cwd, env, as, input, shown = false, deadlineMs = longestMs }: RunOptions = {},
): Promise<Ended> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args: [...args],
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
      ...(cwd && { cwd }),
      ...(env && { env }),
      ...as,
    }).spawn();
  } catch (error) {
    throw new ProgramError(`${program} could not be run: ${(error as Error).message}`);
  }
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, deadlineMs);
  try {
    // A program that exits before it has read its stdin is judged by its exit code.
    const [{ success, code }, stdout, stderr] = await Promise.all([
      child.status,
      textOf(child.stdout, shown ? Deno.stdout : undefined),
      textOf(child.stderr, shown ? Deno.stderr : undefined),
      input === undefined ? undefined : feed(child.stdin, input),
    ]);
    const ended = { success, code, stdout, stderr, output: stdout + stderr };
    if (timedOut) throw failure(program, ended, `did not end within ${deadlineMs} ms`);
    return ended;
  } finally {
    clearTimeout(timer);
  }
}

async function feed(stdin: WritableStream<Uint8Array>, input: string): Promise<void> {
  await new Blob([input]).stream().pipeTo(stdin).catch(() => {});
}

function failure(program: string, { code, output }: Ended, how = `failed (exit code ${code})`): ProgramError {
  const words = output.trim().split("\n").slice(-lastLines).join("\n");
  return new ProgramError(`${program} ${how}:\n${words}`);
}

/** Reads a whole stream, and prints it as it arrives if `shownBy` is given. */
async function textOf(stream: ReadableStream<Uint8Array>, shownBy?: typeof Deno.stdout): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    for (let done = 0; shownBy && done < chunk.length;) done += shownBy.writeSync(chunk.subarray(done));
  }
  return text + decoder.decode();
}
