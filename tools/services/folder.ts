/** The folder that holds the native servers' data, and the list of what `up` has started. */
import { join } from "node:path";
import { createHash } from "node:crypto";
import { type Identity, succeeds } from "../run_program.ts";
import type { Process } from "./process.ts";
import { type ServerName, ServiceError } from "./server.ts";

export interface State {
  /** Started by us from the system's packages. */
  readonly processes: readonly Process[];
  /** Started by us with Docker Compose. */
  readonly composed: readonly ServerName[];
  /** Whose data Docker keeps in a volume that was made for us. */
  readonly volumes: readonly ServerName[];
}

const empty: State = { processes: [], composed: [], volumes: [] };

/** Characters that RabbitMQ's start scripts tolerate in a path: they do not quote it. */
const bearable = /^[\w./+@-]+$/;

/**
 * `.services/` in the project; or a folder in /var/tmp when the servers' users cannot get there, or when RabbitMQ's
 * scripts would not bear the path.
 */
export async function dataFolder(project: string, users: readonly Identity[]): Promise<string> {
  const reachable = await Promise.all(
    users.map((as) => succeeds("test", ["-x", project], { cwd: "/", as })),
  );
  return await ownFolder(bearable.test(project) && reachable.every(Boolean) ? inside(project) : outside(project));
}

/**
 * The folders that an earlier `up` may have used.
 * @throws {ServiceError} when `.services/` is another user's, whose servers we could neither see nor stop
 */
export async function foldersOf(project: string): Promise<string[]> {
  const folders: string[] = [];
  for (const folder of [inside(project), outside(project)]) {
    if (await Deno.lstat(folder).then(() => true, () => false)) folders.push(await ownFolder(folder));
  }
  return folders;
}

/** The folder of one server's data. Servers at two ports are two servers. */
export function nativeFolder(folder: string, name: ServerName, url: URL): string {
  return join(folder, `${name}-${url.port}`);
}

/** Runs `act` while no other `up` or `down` of this folder does: both read the state, and write it later. */
export async function withLock<T>(folder: string, act: () => Promise<T>): Promise<T> {
  // The system gives the lock back when the file is closed, however we end.
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

/** Changes the state, one change after the other. Hold the lock: other programs change it, too. */
export function changeState(folder: string, change: (state: State) => Partial<State>): Promise<void> {
  const act = async () => {
    const state = await readState(folder);
    await writeState(folder, { ...state, ...change(state) });
  };
  return changing = changing.then(act, act);
}

/** Names what belongs to this project on this machine, in one word. */
export function projectKey(project: string): string {
  return createHash("sha256").update(project).digest("hex").slice(0, 12);
}

function inside(project: string): string {
  return join(project, ".services");
}

function outside(project: string): string {
  return `/var/tmp/casino-events-${Deno.uid()}-${projectKey(project)}`;
}

/** Made if need be. /var/tmp is open to all: a folder that another made there under our name is not ours to use. */
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
  // The servers' users pass through it to their own folders, whatever our umask is.
  await Deno.chmod(path, 0o711);
  return path;
}
