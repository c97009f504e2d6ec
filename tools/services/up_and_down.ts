/** Starts the servers, and stops only those that it has started. */
import { isLoopback } from "../../shared/runtime/hosts.ts";
import { composeStop, hasDockerEngine, inContainers, removeVolumes } from "./compose.ts";
import { createDatabase } from "./database.ts";
import { changeState, foldersOf, readState, withLock } from "./folder.ts";
import { fromPackages } from "./native/start.ts";
import { isListening, probe } from "./probe.ts";
import {
  allOrProblems,
  type Answer,
  type ServerConfig,
  type ServerName,
  serverNames,
  ServiceError,
  settingOf,
  titles,
  urlOf,
  type WayOptions,
} from "./server.ts";
import { isRunning, type Process, serverOf, stop } from "./process.ts";

interface UpOptions extends WayOptions {
  /** Whether to use Docker Compose; by default, when a Docker engine answers. */
  readonly inContainers?: () => Promise<boolean>;
}

/**
 * Uses every server that already answers at its address, and starts the others: with Docker Compose if an engine
 * answers, otherwise from the system's packages. Root installs missing packages with apt; other users get the command
 * to run. Records the started servers for `down`.
 * @returns the servers that this call has started
 * @throws {ServiceError}
 */
export async function up(options: UpOptions): Promise<ServerName[]> {
  const absent = await useThoseThatAnswer(serverNames, options);
  if (absent.length === 0) return [];
  absent.forEach((name) => mustBeStartable(name, options.config));

  const dockerAnswers = options.inContainers ?? hasDockerEngine;
  const way = await dockerAnswers() ? inContainers : fromPackages;
  const folder = await way.prepare(absent, options);
  return await withLock(folder, async () => {
    // Another `up` may have started some servers while this one waited.
    const remaining = await useThoseThatAnswer(absent, options);
    if (remaining.length > 0) await way.start(remaining, folder, options);
    return remaining;
  });
}

/** @returns the servers that do not answer @throws {ServiceError} with one sentence for each unusable server */
async function useThoseThatAnswer(names: readonly ServerName[], options: UpOptions): Promise<ServerName[]> {
  const used = await allOrProblems(names.map((name) => useIfItAnswers(name, options)));
  return names.filter((_, index) => !used[index]);
}

/** @returns whether the server answers and is usable */
async function useIfItAnswers(name: ServerName, { config, project, say }: UpOptions): Promise<boolean> {
  const url = urlOf(name, config);
  let answer = await probe(name, url);
  if (answer.kind === "bare") {
    await createDatabase(url, project, answer);
    say(`${titles[name]}: made what was missing of the role and the database in ${settingOf[name]}`);
    answer = await probe(name, url);
  }
  if (answer.kind === "absent") return false;
  if (answer.kind !== "fits") throw new ServiceError(cannotBeUsed(name, url, answer));
  say(`${titles[name]} ${answer.version} answers at ${url.host}`);
  return true;
}

function cannotBeUsed(name: ServerName, url: URL, { problem }: Answer & { problem: string }): string {
  return `${titles[name]} cannot be used at ${url.host}: ${problem}. Stop what runs there, or set ` +
    `${settingOf[name]} to another address or other credentials.`;
}

function mustBeStartable(name: ServerName, config: ServerConfig): void {
  const url = urlOf(name, config);
  const server = `${titles[name]} does not answer at ${url.host}`;
  if (!isLoopback(url.hostname)) throw new ServiceError(`${server}, and we start servers on this machine only.`);
  if (/^(amqps|rediss):$/.test(url.protocol)) {
    throw new ServiceError(
      `${server}, and we start servers without TLS only: set ${settingOf[name]} to a URL without.`,
    );
  }
}

export interface DownOptions {
  readonly project: string;
  /** The servers to stop; all that `up` has started if omitted. */
  readonly only?: readonly ServerName[];
  /** Whether to remove the data of every server that is not left running. */
  readonly deleteData?: boolean;
  /** Addresses at which to report servers that keep running because others started them. */
  readonly config?: ServerConfig;
  readonly say: (sentence: string) => void;
}

/** RabbitMQ needs this long to shut down gracefully. */
const graceMs = 30_000;

/** Stops the servers that `up` has started. */
export async function down(options: DownOptions): Promise<void> {
  let stopped = 0;
  for (const folder of await foldersOf(options.project)) {
    stopped += await withLock(folder, () => stopAllOf(folder, options));
    if (options.deleteData) {
      await Deno.remove(folder, { recursive: true });
      options.say(`Removed ${folder}`);
    }
  }
  if (stopped === 0) options.say("Nothing that `deno task up` started is running.");
  if (options.config) await tellWhatIsLeft(options.config, options.say);
}

/** @returns the number of stopped servers */
async function stopAllOf(folder: string, { project, only, deleteData = false, say }: DownOptions): Promise<number> {
  const isWanted = (name: ServerName) => deleteData || only === undefined || only.includes(name);
  const { processes, composed, volumes } = await readState(folder);
  const stopped = await Promise.all(
    serverNames.filter(isWanted).map(async (name) => {
      let count = 0;
      // The broker stops before the epmd that it is registered with.
      for (const process of processes.filter((each) => serverOf(each) === name).toReversed()) {
        if (!await isRunning(process)) continue;
        const forced = await stop(process, graceMs);
        say(`Stopped ${titleOf(process)} (pid ${process.pid})${forced ? `, by force after ${graceMs} ms` : ""}`);
        count++;
      }
      return count;
    }),
  );
  const containers = composed.filter(isWanted);
  if (containers.length > 0) {
    await composeStop(project, containers);
    say(`Stopped the containers of ${containers.map((name) => titles[name]).join(", ")}`);
  }
  if (deleteData && volumes.length > 0) {
    await removeVolumes(project, volumes);
    say(`Removed the volumes of ${volumes.map((name) => titles[name]).join(", ")}`);
  }
  await changeState(folder, () => ({
    processes: processes.filter((process) => !isWanted(serverOf(process))),
    composed: composed.filter((name) => !isWanted(name)),
    volumes: deleteData ? [] : volumes,
  }));
  return stopped.reduce((sum, count) => sum + count, containers.length);
}

async function tellWhatIsLeft(config: ServerConfig, say: (sentence: string) => void): Promise<void> {
  for (const name of serverNames) {
    const url = urlOf(name, config);
    if (await isListening(url)) {
      say(`Left what runs at ${url.host} (${titles[name]}): \`deno task up\` did not start it.`);
    }
  }
}

function titleOf(process: Process): string {
  return process.name === "epmd" ? "RabbitMQ's epmd" : titles[serverOf(process)];
}
