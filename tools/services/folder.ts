/** The folder that holds the native servers' data, and the list of what `up` has started. */
import { join } from "node:path";
import { createHash } from "node:crypto";
import { type Identity, runToEnd } from "./process.ts";
import { type Process, type ServerName, ServiceError } from "./server.ts";

export interface State {
  /** Started by us from the system's packages. */
  readonly processes: readonly Process[];
  /** Started by us with Docker Compose. */
  readonly composed: readonly ServerName[];
}

const empty: State = { processes: [], composed: [] };

/**
 * `.services/` in the project; or a folder in /var/tmp when the servers' users cannot get there, or when the path has a
 * space, which RabbitMQ's scripts do not bear.
 */
export async function dataFolder(project: string, users: readonly Identity[]): Promise<string> {
  const inside = join(project, ".services");
  const reachable = await Promise.all(
    users.map((as) => runToEnd("test", ["-x", project], { cwd: "/", as }).then(() => true, () => false)),
  );
  if (!/\s/.test(project) && reachable.every(Boolean)) {
    await Deno.mkdir(inside, { recursive: true });
    return inside;
  }
  return await ownFolder(outside(project));
}

/** The folders that an earlier `up` may have used. */
export async function foldersOf(project: string): Promise<string[]> {
  const folders: string[] = [];
  for (const folder of [join(project, ".services"), outside(project)]) {
    const stat = await Deno.lstat(folder).catch(() => undefined);
    if (stat?.isDirectory && stat.uid === Deno.uid()) folders.push(folder);
  }
  return folders;
}

function outside(project: string): string {
  const key = createHash("sha256").update(project).digest("hex").slice(0, 12);
  return `/var/tmp/casino-events-${Deno.uid()}-${key}`;
}

/** /var/tmp is open to all: a folder that another made there under our name is not ours to use. */
async function ownFolder(path: string): Promise<string> {
  try {
    await Deno.mkdir(path, { mode: 0o755 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    const { uid, isDirectory, isSymlink } = await Deno.lstat(path);
    if (uid !== Deno.uid() || !isDirectory || isSymlink) {
      throw new ServiceError(`${path} exists but belongs to somebody else: remove it, or move the project.`);
    }
  }
  return path;
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
