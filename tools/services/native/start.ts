/** Starts servers from the system's packages, and records their processes for `down`. */
import { join } from "node:path";
import { type Identity, runProgram } from "../../run_program.ts";
import { changeState, dataFolder, nativeFolder, readState } from "../folder.ts";
import { findPrograms, install } from "../packages.ts";
import { isListening } from "../probe.ts";
import { isRunning, type Launch, launch, type NativeServer, type Process, serverOf, stop } from "../process.ts";
import { untilItLetsUsIn } from "../database.ts";
import {
  allOrProblems,
  delay,
  type ServerName,
  ServiceError,
  titles,
  urlOf,
  type Way,
  type WayOptions,
} from "../server.ts";
import { postgres } from "./postgres.ts";
import { rabbitmq } from "./rabbitmq.ts";
import { redis } from "./redis.ts";

const nativeServers: Readonly<Record<ServerName, NativeServer>> = { rabbitmq, redis, postgres };
const startTimeoutMs = 60_000;
const cleanUpMs = 10_000;

export const fromPackages: Way = {
  async prepare(names, { project, say }) {
    const servers = names.map((name) => nativeServers[name]);
    await ensurePrograms(servers, say);
    const users = await Promise.all(servers.map(identityFor));
    return await dataFolder(project, users.filter((user) => user !== undefined));
  },

  async start(names, folder, options) {
    await allOrProblems(names.map((name) => startOne(name, folder, options)));
  },
};

/** @throws {ServiceError} when programs are missing, and may not be installed */
export async function ensurePrograms(
  servers: readonly NativeServer[],
  say: (sentence: string) => void,
): Promise<void> {
  const missing: ServerName[] = [];
  for (const server of servers) if (!await findPrograms(server)) missing.push(server.name);
  if (missing.length > 0) await install(missing, say);
}

/** As root, returns the user of the server's package: Postgres refuses to run as root, and no server needs to. */
export async function identityFor({ name, user }: NativeServer): Promise<Identity | undefined> {
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

/** Gives a folder and its contents to a server's user. */
export async function give(folder: string, user: Identity | undefined): Promise<void> {
  if (user) await runProgram("chown", ["-R", `${user.uid}:${user.gid}`, folder]);
}

async function startOne(name: ServerName, parent: string, options: WayOptions): Promise<void> {
  const server = nativeServers[name];
  const begun = performance.now();
  const url = urlOf(name, options.config);
  const programs = await findPrograms(server);
  if (!programs) throw new ServiceError(`${titles[name]}'s programs are not where its package puts them.`);
  const as = await identityFor(server);
  const folder = nativeFolder(parent, name, url);
  await Deno.mkdir(folder, { recursive: true });
  await Deno.chmod(folder, 0o700);
  await give(folder, as);
  // Processes of an earlier start, such as the epmd of a dead broker, hold ports and files.
  const { processes } = await readState(parent);
  await stopAndForget(processes.filter((each) => serverOf(each) === name && each.port === url.port), parent);
  const run = (program: string, args: readonly string[]) =>
    runProgram(program, args, { cwd: folder, as, deadlineMs: startTimeoutMs });
  const launches = await server.prepare({ folder, programs, url, run });
  await give(folder, as);

  const log = join(folder, "server.log");
  const started: Process[] = [];
  const remember = async (process: Process) => {
    started.push(process);
    // Recorded at once, so that `down` finds the process even if a later step fails.
    await changeState(parent, ({ processes }) => ({ processes: [...processes, process] }));
  };
  try {
    await launchAll(launches, { title: titles[name], url, folder, log, as, started: remember });
    await untilItLetsUsIn(name, options, log, begun, () => mustRun(started, titles[name], log));
  } catch (error) {
    await stopAndForget(started.toReversed(), parent);
    throw error;
  }
}

async function stopAndForget(which: readonly Process[], folder: string): Promise<void> {
  for (const process of which) {
    await stop(process, cleanUpMs);
    const isOther = ({ pid, begun }: Process) => pid !== process.pid || begun !== process.begun;
    await changeState(folder, ({ processes }) => ({ processes: processes.filter(isOther) }));
  }
}

export interface LaunchOptions {
  /** The server's name, for errors. */
  readonly title: string;
  /** The address at which the last process listens once it is ready. */
  readonly url: URL;
  readonly folder: string;
  readonly log: string;
  readonly as: Identity | undefined;
  /** Called for each process as it starts, so that it can be stopped even if a later step fails. */
  readonly started: (process: Process) => Promise<void> | void;
}

/** Starts a server's processes, each once the previous one listens. @throws {ServiceError} with the end of its log */
export async function launchAll(launches: readonly Launch[], options: LaunchOptions): Promise<void> {
  const { title, url, folder, log, as } = options;
  const processes: Process[] = [];
  for (const each of launches) {
    const process = await launch(each, url.port, folder, log, as);
    processes.push(process);
    await options.started(process);
    const at = each.readyAt === undefined ? url : new URL(`tcp://127.0.0.1:${each.readyAt}`);
    const giveUpAt = performance.now() + startTimeoutMs;
    while (!await isListening(at)) {
      await mustRun(processes, title, log);
      if (performance.now() > giveUpAt) throw await notStarted(title, `did not start within ${startTimeoutMs} ms`, log);
      await delay(100);
    }
  }
}

async function mustRun(processes: readonly Process[], title: string, log: string): Promise<void> {
  const running = await Promise.all(processes.map(isRunning));
  if (running.includes(false)) throw await notStarted(title, "did not start", log);
}

async function notStarted(title: string, problem: string, log: string): Promise<ServiceError> {
  const text = await Deno.readTextFile(log).catch(() => "(no log)");
  return new ServiceError(`${title} ${problem}. The end of ${log}:\n${text.trim().split("\n").slice(-8).join("\n")}`);
}
