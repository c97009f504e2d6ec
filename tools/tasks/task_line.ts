/** The tasks of deno.json, for programs that start a member as a user does: with the same flags and permissions. */
import { join } from "node:path";

/** The parts of a task's command. */
export interface TaskLine {
  /** Deno's flags, including permissions. */
  readonly flags: readonly string[];
  /** Path from the project's root. */
  readonly program: string;
  readonly operands: readonly string[];
}

type Env = Readonly<Record<string, string | undefined>>;

/** A permission set of deno.json, by kind: `true` allows everything, a list only its entries. */
export type PermissionSet = Readonly<Record<string, boolean | readonly string[]>>;

interface Configuration {
  readonly tasks: Readonly<Record<string, { readonly description: string; readonly command: string }>>;
  readonly permissions: Readonly<Record<string, PermissionSet>>;
}

/** Returns the commands of all tasks by name, in order. */
export function readTasks(project: string): Readonly<Record<string, string>> {
  const { tasks } = readConfiguration(project);
  return Object.fromEntries(Object.entries(tasks).map(([name, { command }]) => [name, command]));
}

export function readPermissionSets(project: string): Readonly<Record<string, PermissionSet>> {
  return readConfiguration(project).permissions;
}

function readConfiguration(project: string): Configuration {
  return JSON.parse(Deno.readTextFileSync(join(project, "deno.json")));
}

/** Expands `-P=NAME` in the flags. As in Deno, a kind that a flag names overrides the set's entry. */
export function expandPermissions(
  flags: readonly string[],
  sets: Readonly<Record<string, PermissionSet>>,
): string[] {
  return flags.flatMap((flag) => {
    const [, name] = /^-P=(.*)$/.exec(flag) ?? [];
    if (name === undefined) return [flag];
    const set = sets[name];
    if (!set) throw new Error(`deno.json has no permission set "${name}".`);
    return Object.entries(set).flatMap(([kind, value]) => {
      const given = flags.some((other) => other === `--allow-${kind}` || other.startsWith(`--allow-${kind}=`));
      if (given || value === false) return [];
      return [value === true ? `--allow-${kind}` : `--allow-${kind}=${value.join(",")}`];
    });
  });
}

/**
 * @param line as in deno.json: `deno run --allow-net=127.0.0.1$ALLOW_NET tools/dead/main.ts`
 * @param env values for the line's variables; without it they are unset
 * @throws {Error} when the task has another form
 */
export function parseTask(line: string, env: Env = {}): TaskLine {
  const [deno, run, ...words] = line.replace(/\$([A-Z_]+)/g, (_, name) => env[name] ?? "").split(" ");
  const end = words.findIndex((word) => word.endsWith(".ts"));
  if (deno !== "deno" || run !== "run" || end < 0) {
    throw new Error(`The task "${line}" in deno.json does not run a program of ours.`);
  }
  return {
    flags: words.slice(0, end),
    program: words[end]!,
    operands: words.slice(end + 1).filter((word) => !word.startsWith("-")),
  };
}

/** Deno accepts each permission once: joins the lists of both, and a permission without a list allows everything. */
export function joinPermissions(flags: readonly string[], more: readonly string[]): string[] {
  const joined = new Map<string, string | undefined>();
  for (const flag of [...flags, ...more]) {
    const [, name, list] = /^(--[a-z][a-z\d-]*)(?:=(.*))?$/s.exec(flag) ?? [, flag];
    const before = joined.get(name!);
    joined.set(name!, !joined.has(name!) ? list : before && list && `${before},${list}`);
  }
  return Array.from(joined, ([name, list]) => list === undefined ? name : `${name}=${list}`);
}

/** Returns the permissions of one kind: `true` for everything, otherwise the list, which may be empty. */
export function allowed(flags: readonly string[], kind: string): true | readonly string[] {
  if (flags.includes("-A") || flags.includes(`--allow-${kind}`)) return true;
  const prefix = `--allow-${kind}=`;
  return flags.find((flag) => flag.startsWith(prefix))?.slice(prefix.length).split(",") ?? [];
}
