/** Starts servers from the system's packages, all at once, and remembers their processes for `down`. */
import { join } from "node:path";
import { dataFolder, nativeFolder, readState, withLock, writeState } from "../folder.ts";
import { findPrograms, install } from "../packages.ts";
import { isListening } from "../probe.ts";
import { type Identity, runProgram } from "../../run_program.ts";
import { isRunning, launch, type Process, serverOf, stop } from "../process.ts";
import { delay, type ServerName, ServiceError, titles } from "../server.ts";
import type { NativeServer } from "./native_server.ts";
import { postgres } from "./postgres.ts";
import { rabbitmq } from "./rabbitmq.ts";
import { redis } from "./redis.ts";

const nativeServers: Readonly<Record<ServerName, NativeServer>> = { rabbitmq, redis, postgres };
const startTimeoutMs = 60_000;
const cleanUpMs = 10_000;

export interface StartOptions {
  readonly project: string;
  readonly urlOf: (name: ServerName) => URL;
  readonly say: (sentence: string) => void;
  /** Waits until the server lets us in; rejects when it does not, or when `mustRun` does. */
  readonly whenListening: (name: ServerName, log: string, mustRun: () => Promise<void>) => Promise<void>;
}

/**
 * @param absent asked under the lock: which servers still do not answer
 * @returns those that were started
 * @throws {ServiceError} with one sentence for each that failed, which is stopped again
 */
export async function startNatively(
  names: readonly ServerName[],
  absent: (names: readonly ServerName[]) => Promise<ServerName[]>,
  options: StartOptions,
): Promise<ServerName[]> {
  const missing: ServerName[] = [];
  for (const name of names) if (!await findPrograms(nativeServers[name])) missing.push(name);
  if (missing.length > 0) await install(missing, options.say);

  const users = new Map<ServerName, Identity | undefined>();
  for (const name of names) users.set(name, await identityFor(nativeServers[name]));
  const folder = await dataFolder(options.project, [...users.values()].filter((user) => user !== undefined));
  return await withLock(folder, async () => {
    const remaining = await absent(names);
    const memory = await memoryOf(folder);
    const started = await Promise.allSettled(
      remaining.map((name) => startOne(name, users.get(name), folder, memory, options)),
    );
    const problems = started.flatMap((result) => result.status === "rejected" ? [String(result.reason.message)] : []);
    if (problems.length > 0) throw new ServiceError(problems.join("\n"));
    return remaining;
  });
}

interface Memory {
  /** What earlier calls have started, and still runs. */
  readonly running: readonly Process[];
  /** Each process is written down as it starts: whatever goes wrong afterwards, `down` finds it. */
  remember(process: Process): Promise<void>;
  /** For a process that was stopped. */
  forget(process: Process): Promise<void>;
}

async function memoryOf(folder: string): Promise<Memory> {
  const before = await readState(folder);
  const running: Process[] = [];
  for (const process of before.processes) if (await isRunning(process)) running.push(process);
  let processes: readonly Process[] = running;
  let written = Promise.resolve();
  const change = (next: readonly Process[]) => {
    processes = next;
    return written = written.then(() => writeState(folder, { ...before, processes: next }));
  };
  await change(running);
  return {
    running,
    remember: (process) => change([...processes, process]),
    forget: (process) => change(processes.filter((each) => each !== process)),
  };
}

async function startOne(
  name: ServerName,
  user: Identity | undefined,
  parent: string,
  { running, remember, forget }: Memory,
  { urlOf, whenListening }: StartOptions,
): Promise<void> {
  const server = nativeServers[name];
  const url = urlOf(name);
  const programs = await findPrograms(server);
  if (!programs) throw new ServiceError(`${titles[name]}'s programs are not where its package puts them.`);
  const folder = nativeFolder(parent, name, url);
  const log = join(folder, "server.log");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.chmod(folder, 0o700);
  await give(folder, user);
  // What is left of an earlier start, such as epmd after a broker that died, holds ports and files.
  const left = running.filter((process) => serverOf(process) === name && process.port === url.port);
  for (const process of left) {
    await stop(process, cleanUpMs);
    await forget(process);
  }
  const launches = await server.prepare({
    folder,
    programs,
    url,
    run: (program, args) => runProgram(program, args, { cwd: folder, as: user, deadlineMs: startTimeoutMs }),
  });
  await give(folder, user);

  const processes: Process[] = [];
  const mustRun = async () => {
    const running = await Promise.all(processes.map(isRunning));
    if (running.includes(false)) throw await notStarted(name, "did not start", log);
  };
  try {
    for (const each of launches) {
      const process = await launch(each, url.port, folder, log, user);
      processes.push(process);
      await remember(process);
      const at = each.readyAt === undefined ? url : new URL(`tcp://127.0.0.1:${each.readyAt}`);
      await untilListening(name, at, mustRun, log);
    }
    await whenListening(name, log, mustRun);
  } catch (error) {
    for (const process of processes.toReversed()) {
      await stop(process, cleanUpMs);
      await forget(process);
    }
    throw error;
  }
}

async function untilListening(name: ServerName, url: URL, mustRun: () => Promise<void>, log: string): Promise<void> {
  const giveUpAt = performance.now() + startTimeoutMs;
  while (!await isListening(url)) {
    await mustRun();
    if (performance.now() > giveUpAt) throw await notStarted(name, `did not start within ${startTimeoutMs} ms`, log);
    await delay(100);
  }
}

async function notStarted(name: ServerName, problem: string, log: string): Promise<ServiceError> {
  return new ServiceError(`${titles[name]} ${problem}. The end of ${log}:\n${await endOf(log)}`);
}

/** As root, the servers run as the users of their packages: Postgres refuses to run as root, and none needs to. */
async function identityFor({ name, user }: NativeServer): Promise<Identity | undefined> {
  if (Deno.uid() !== 0) return undefined;
  try {
    return { uid: Number(await runProgram("id", ["-u", user])), gid: Number(await runProgram("id", ["-g", user])) };
  } catch {
    throw new ServiceError(
      `${titles[name]} is not run as root, and the user ${user} that it would run as does not exist: ` +
        `add it (useradd --system ${user}), or run this as an ordinary user.`,
    );
  }
}

async function give(folder: string, user: Identity | undefined): Promise<void> {
  if (user) await runProgram("chown", ["-R", `${user.uid}:${user.gid}`, folder]);
}

async function endOf(log: string): Promise<string> {
  const text = await Deno.readTextFile(log).catch(() => "(no log)");
  return text.trim().split("\n").slice(-8).join("\n");
}
