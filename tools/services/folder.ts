/** The folder with the native servers' data, and the state: a list of everything that `up` has started. */
import { join } from "node:path";
import { createHash } from "node:crypto";
import { type Identity, succeeds } from "../run_program.ts";
import type { Process } from "./process.ts";
import { type ServerName, ServiceError } from "./server.ts";

export interface State {
  /** Processes that we started from the system's packages. */
  readonly processes: readonly Process[];
  /** Servers that we started with Docker Compose. */
  readonly composed: readonly ServerName[];
  /** Servers whose data is in a Docker volume that was created for us. */
  readonly volumes: readonly ServerName[];
}

const empty: State = { processes: [], composed: [], volumes: [] };

/** Characters that RabbitMQ's start scripts accept in a path: the scripts do not quote it. */
const bearable = /^[\w./+@-]+$/;

/**
 * Returns `.services/` in the project; or a folder in /var/tmp, when the servers' users cannot reach `.services/` or
 * its path has characters that RabbitMQ's scripts cannot handle.
 */
export async function dataFolder(project: string, users: readonly Identity[]): Promise<string> {
  const reachable = await Promise.all(
    users.map((as) => succeeds("test", ["-x", project], { cwd: "/", as })),
  );
  return await ownFolder(bearable.test(project) && reachable.every(Boolean) ? inside(project) : outside(project));
}

/**
 * Returns the folders that an earlier `up` may have used.
 * @throws {ServiceError} when `.services/` belongs to another user, whose servers we could neither see nor stop
 */
export async function foldersOf(project: string): Promise<string[]> {
  const folders: string[] = [];
  for (const folder of [inside(project), outside(project)]) {
    if (await Deno.lstat(folder).then(() => true, () => false)) folders.push(await ownFolder(folder));
  }
  return folders;
}

/** Returns the folder of one server's data. Each port is a separate server. */
export function nativeFolder(folder: string, name: ServerName, url: URL): string {
  return join(folder, `${name}-${url.port}`);
}

/** Runs `act` under an exclusive lock on the folder: `up` and `down` read the state first, and write it later. */
export async function withLock<T>(folder: string, act: () => Promise<T>): Promise<T> {
  // The system releases the lock when the file closes, even if this process dies.
  using file = await Deno.open(join(folder, "lock"), { create: true, write: true });
  await file.lock(true);
  return await act();
}

export async function readState(folder: string): Promise<State> {
  try {
    return { ...empty, ...JSON.parse(await Deno.readTextFile(join(folder, "state.json"))) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return empty;
    throw new ServiceError(`${join(folder, "state.json")} cannot be read (${(error as Error).message}): remove it.`);
  }
}

export async function writeState(folder: string, state: State): Promise<void> {
  const path = join(folder, "state.json");
  await Deno.writeTextFile(`${path}.new`, JSON.stringify(state, null, 2));
  await Deno.rename(`${path}.new`, path);
}

let changing: Promise<void> = Promise.resolve();

/**
 * Changes the state; serializes concurrent changes. The caller must hold the lock, because other programs change the
 * state too.
 */
export function changeState(folder: string, change: (state: State) => Partial<State>): Promise<void> {
  const act = async () => {
    const state = await readState(folder);
    await writeState(folder, { ...state, ...change(state) });
  };
  return changing = changing.then(act, act);
}

/** Returns one word that identifies this project on this machine. */
export function projectKey(project: string): string {
  return createHash("sha256").update(project).digest("hex").slice(0, 12);
}

function inside(project: string): string {
  return join(project, ".services");
}

function outside(project: string): string {
  return `/var/tmp/casino-events-${Deno.uid()}-${projectKey(project)}`;
}

/** Creates the folder if necessary. Refuses a folder of another user, who may create any name in /var/tmp. */
async function ownFolder(path: string): Promise<string> {
  try {
    await Deno.mkdir(path, { mode: 0o711 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  const { uid, isDirectory } = await Deno.lstat(path);
  if (uid !== Deno.uid() || !isDirectory) {
    throw new ServiceError(
      `${path} is not a folder of this user (it belongs to user ${uid}): run this as that user, or remove it.`,
    );
  }
  // The servers' users must reach their own folders inside it, whatever our umask is.
  await Deno.chmod(path, 0o711);
  return path;
}
