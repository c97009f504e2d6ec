/** Brings the servers up: those that answer are used, the others are started, and remembered for `down`. */
import { join } from "node:path";
import { composeUp, hasDockerEngine } from "./compose.ts";
import { createDatabase } from "./database.ts";
import { dataFolder, readState, type State, writeState } from "./folder.ts";
import { nativeServers } from "./native.ts";
import { findPrograms, install } from "./packages.ts";
import { isListening, probe } from "./probe.ts";
import { type Identity, isRunning, launch, runToEnd } from "./process.ts";
import {
  delay,
  isLoopback,
  type NativeContext,
  type Process,
  type ServerConfig,
  type ServerName,
  ServiceError,
  settingOf,
  titles,
  urlOf,
} from "./server.ts";

export interface UpOptions {
  readonly config: ServerConfig;
  /** The project's root. */
  readonly project: string;
  readonly say: (sentence: string) => void;
}

const names: readonly ServerName[] = ["rabbitmq", "redis", "postgres"];
const startTimeoutMs = 60_000;

/** @returns the servers that this call has started @throws {ServiceError} */
export async function up(options: UpOptions): Promise<ServerName[]> {
  const absent = (await Promise.all(names.map((name) => useIfItAnswers(name, options)))).flat();
  if (absent.length === 0) return [];
  for (const name of absent) {
    const url = urlOf(name, options.config);
    if (!isLoopback(url)) {
      throw new ServiceError(
        `${titles[name]} does not answer at ${url.host}, and we start servers on this machine only.`,
      );
    }
  }
  if (await hasDockerEngine()) await startInContainers(absent, options);
  else await startNatively(absent, options);
  return absent;
}

/** @returns the name when the server is absent */
async function useIfItAnswers(name: ServerName, { config, say }: UpOptions): Promise<ServerName[]> {
  const url = urlOf(name, config);
  let answer = await probe(name, url);
  if (answer.kind === "bare") {
    await createDatabase(url);
    say(`${titles[name]}: made the role and the database of DATABASE_URL`);
    answer = await probe(name, url);
  }
  switch (answer.kind) {
    case "absent":
      return [name];
    case "fits":
      say(`${titles[name]} ${answer.version} answers at ${url.host}`);
      return [];
    default:
      throw new ServiceError(
        `${titles[name]} cannot be used at ${url.host}: ${answer.problem}. Stop what runs there, or set ${
          settingOf[name]
        } to ` +
          `another address.`,
      );
  }
}

async function startInContainers(absent: readonly ServerName[], { config, project, say }: UpOptions): Promise<void> {
  const folder = await dataFolder(project, []);
  const before = await readState(folder);
  await writeState(folder, { ...before, composed: [...new Set([...before.composed, ...absent])] });
  await composeUp(project, absent);
  for (const name of absent) await useStarted(name, config, say, "docker compose logs");
}

async function startNatively(absent: readonly ServerName[], options: UpOptions): Promise<void> {
  const { project, say } = options;
  const missing: ServerName[] = [];
  for (const name of absent) if (!await findPrograms(nativeServers[name])) missing.push(name);
  if (missing.length > 0) await install(missing, say);

  const users = new Map<ServerName, Identity | undefined>();
  for (const name of absent) users.set(name, await identityOf(nativeServers[name].user));
  const folder = await dataFolder(project, [...users.values()].filter((user) => user !== undefined));
  const before = await readState(folder);
  const alive: Process[] = [];
  for (const process of before.processes) if (await isRunning(process)) alive.push(process);

  // Written as each process starts: whatever goes wrong afterwards, `down` finds it.
  let state: State = { ...before, processes: alive };
  await writeState(folder, state);
  let written = Promise.resolve();
  const remember = (process: Process) => {
    state = { ...state, processes: [...state.processes, process] };
    return written = written.then(() => writeState(folder, state));
  };
  const started = await Promise.allSettled(
    absent.map((name) => startOne(name, users.get(name), folder, alive, remember, options)),
  );
  const failed = started.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

async function startOne(
  name: ServerName,
  user: Identity | undefined,
  parent: string,
  alive: readonly Process[],
  remember: (process: Process) => Promise<void>,
  { config, say }: UpOptions,
): Promise<void> {
  const server = nativeServers[name];
  const url = urlOf(name, config);
  const programs = await findPrograms(server);
  if (!programs) throw new ServiceError(`${titles[name]}'s programs are not where its package puts them.`);
  const folder = join(parent, name);
  const log = join(folder, "server.log");
  await Deno.mkdir(folder, { recursive: true });
  const run = async (program: string, args: readonly string[], env?: Readonly<Record<string, string>>) => {
    await runToEnd(program, args, { cwd: folder, as: user, ...(env && { env }) });
  };
  const context: NativeContext = { folder, programs, url, run };
  if (user) await runToEnd("chown", ["-R", `${user.uid}:${user.gid}`, folder]);
  const launches = await server.prepare(context);
  if (user) await runToEnd("chown", ["-R", `${user.uid}:${user.gid}`, folder]);
  const processes: Process[] = [];
  for (const each of launches) {
    // What is left of an earlier start, such as epmd after a broker that died, goes on serving.
    const left = alive.find((process) => process.name === each.name);
    const process = left ?? await launch(each, folder, log, user);
    processes.push(process);
    if (!left) await remember(process);
  }
  await untilListening(name, url, processes, log);
  await useStarted(name, config, say, log);
}

async function untilListening(name: ServerName, url: URL, processes: readonly Process[], log: string): Promise<void> {
  const begun = performance.now();
  while (!await isListening(url)) {
    for (const process of processes) {
      if (!await isRunning(process)) {
        throw new ServiceError(`${titles[name]} did not start. The end of ${log}:\n${await endOf(log)}`);
      }
    }
    if (performance.now() - begun > startTimeoutMs) {
      throw new ServiceError(
        `${titles[name]} did not start within ${startTimeoutMs} ms. The end of ${log}:\n${await endOf(log)}`,
      );
    }
    await delay(100);
  }
}

/** A server listens a little before it lets anybody in. */
async function useStarted(name: ServerName, config: ServerConfig, say: UpOptions["say"], log: string): Promise<void> {
  const url = urlOf(name, config);
  const begun = performance.now();
  while (true) {
    const answer = await probe(name, url);
    if (answer.kind === "fits") {
      say(`${titles[name]} ${answer.version} started at ${url.host}`);
      return;
    }
    if (answer.kind === "bare") await createDatabase(url).catch(() => {});
    if (performance.now() - begun > startTimeoutMs) {
      const problem = answer.kind === "absent" ? "it does not answer" : answer.problem;
      throw new ServiceError(`${titles[name]} was started at ${url.host}, but cannot be used: ${problem}. See ${log}.`);
    }
    await delay(200);
  }
}

/** As root, the servers run as the users of their packages; Postgres refuses to run as root. */
async function identityOf(user: string): Promise<Identity | undefined> {
  if (Deno.uid() !== 0) return undefined;
  const uid = Number(await runToEnd("id", ["-u", user]));
  const gid = Number(await runToEnd("id", ["-g", user]));
  return { uid, gid };
}

async function endOf(log: string): Promise<string> {
  const text = await Deno.readTextFile(log).catch(() => "(no log)");
  return text.trim().split("\n").slice(-8).join("\n");
}
