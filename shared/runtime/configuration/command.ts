/**
 * The entry point of every command: flags, `--help`, `--version`, `--env-file`, configuration, exit status.
 * Exit status: 0 success, 1 failure or partial failure, 2 wrong usage or configuration.
 */
import { readFileSync } from "node:fs";
import { parseArgs, parseEnv } from "node:util";
import { redact } from "../secrets.ts";
import {
  type Config,
  ConfigError,
  describeSettings,
  type Environment,
  readConfig,
  type SettingName,
  variablesOf,
} from "./config.ts";
import { messageOf } from "../errors.ts";
import { printable } from "../printable.ts";
import { nearest } from "./nearest.ts";
import { type Place, placesIn, refusals } from "../hosts.ts";

export const version = "0.3.0";

/** A flag that takes a value has `value`, its placeholder in `--help`; other flags are switches. */
export interface Flag {
  readonly help: string;
  readonly value?: string;
  readonly short?: string;
  /** The value must be an integer within these inclusive bounds. */
  readonly integer?: { readonly min: number; readonly max: number };
  /** The value must be a decimal number within these inclusive bounds. */
  readonly decimal?: { readonly min: number; readonly max: number };
  readonly choices?: readonly string[];
  /** The value is the address that the command listens on, host:port, or `off`. This is the default. */
  readonly listensAt?: string;
}

type FlagValue<F extends Flag> = F extends { integer: object } | { decimal: object } ? number | undefined
  : F extends { value: string } ? string | undefined
  : boolean;

export interface CommandSpec<F extends Record<string, Flag>, N extends SettingName> {
  /** As the user types it: `deno task publisher`. */
  readonly name: string;
  readonly summary: string;
  /** Words after the flags, for the usage line: `<list|show|replay|drop>`. */
  readonly operands?: string;
  readonly flags: F;
  readonly settings: readonly N[];
  readonly examples: readonly string[];
}

export interface Invocation<F extends Record<string, Flag>, N extends SettingName> {
  readonly flags: { readonly [K in keyof F]: FlagValue<F[K]> };
  readonly operands: readonly string[];
  readonly config: Pick<Config, N>;
}

/** Wrong flags or operands; the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Runs a command: prints help, version or the problems of usage and configuration, or calls `main`, which returns the
 * exit status. If `main` throws, prints the error as one sentence and exits with status 1.
 */
export async function runCommand<const F extends Record<string, Flag>, N extends SettingName>(
  spec: CommandSpec<F, N>,
  main: (invocation: Invocation<F, N>) => Promise<number>,
  args: readonly string[] = Deno.args,
): Promise<never> {
  let status: number;
  try {
    const invocation = parseCommand(spec, args, (name) => Deno.env.get(name), (path) => readFileSync(path, "utf8"));
    if (typeof invocation === "string") {
      console.log(invocation);
      status = 0;
    } else {
      const refused = refusals(placesOf(spec, invocation));
      if (refused.length > 0) throw new ConfigError(refused);
      status = await main(invocation);
    }
  } catch (error) {
    const usage = error instanceof UsageError || error instanceof ConfigError;
    console.error(
      usage
        ? `${(error as Error).message}\nSee ${spec.name} --help.`
        : redact(messageOf(error)).split("\n").map((line) => printable(line)).join("\n"),
    );
    status = usage ? 2 : 1;
  }
  Deno.exit(status);
}

/** Returns the command's own flags and the common ones. A command without settings has no flag for a settings file. */
function flagsOf({ flags, settings }: CommandSpec<Record<string, Flag>, SettingName>): [string, Flag][] {
  return Object.entries({
    ...flags,
    ...(settings.length > 0 && {
      "env-file": { value: "FILE", help: "read variables from FILE; those of the environment win" },
    }),
    help: { short: "h", help: "show this" },
    version: { help: "show the version" },
  });
}

/**
 * Returns the text for `--help`, `--version` and `--describe` (a {@linkcode Description} as JSON), otherwise the
 * argument of `main`.
 * @throws {UsageError} for flags and operands, {ConfigError} for the environment
 */
export function parseCommand<const F extends Record<string, Flag>, N extends SettingName>(
  spec: CommandSpec<F, N>,
  args: readonly string[],
  env: Environment,
  readFile: (path: string) => string,
): string | Invocation<F, N> {
  const { values, positionals } = parseFlags(spec, args);
  if (values["help"]) return helpText(spec);
  if (values["version"]) return version;
  if (values["describe"]) return JSON.stringify({ variables: variablesOf(spec.settings) } satisfies Description);
  if (positionals.length > 0 && spec.operands === undefined) {
    throw new UsageError(`${spec.name} takes no operand, but was given "${positionals[0]}"`);
  }
  const flags = Object.fromEntries(
    Object.entries<Flag>(spec.flags).map(([name, flag]) => [name, flagValue(name, flag, values[name])]),
  );
  const envFile = values["env-file"];
  const lookUp = typeof envFile === "string" ? layered(env, parseEnvFile(envFile, readFile)) : env;
  return {
    flags: flags as Invocation<F, N>["flags"],
    operands: positionals,
    config: readConfig(spec.settings, lookUp, readFile),
  };
}

function parseFlags(spec: CommandSpec<Record<string, Flag>, SettingName>, args: readonly string[]) {
  const options: Record<string, { type: "string" | "boolean"; short?: string }> = { describe: { type: "boolean" } };
  for (const [name, { value, short }] of flagsOf(spec)) {
    options[name] = { type: value === undefined ? "boolean" : "string", ...(short && { short }) };
  }
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const sentence = (error as Error).message.replace(/\. To specify a positional.*$/s, "").replaceAll("\n", " ");
    const unknown = /^Unknown option '--([^']+)'$/.exec(sentence)?.[1];
    const meant = unknown && nearest(unknown, flagsOf(spec).map(([name]) => name));
    throw new UsageError(meant ? `${sentence}: did you mean --${meant}?` : sentence);
  }
}

function flagValue(name: string, { value, integer, decimal, choices }: Flag, given: unknown): unknown {
  if (value === undefined) return given === true;
  if (typeof given !== "string") return undefined;
  const bounds = integer ?? decimal;
  if (bounds) {
    const [pattern, kind] = integer ? [/^\d+$/, "a whole number"] : [/^\d+(\.\d+)?$/, "a decimal"];
    const number = Number(given);
    if (!pattern.test(given) || number < bounds.min || number > bounds.max) {
      throw new UsageError(`--${name}=${given} must be ${kind} from ${bounds.min} to ${bounds.max}`);
    }
    return number;
  }
  if (choices && !choices.includes(given)) {
    throw new UsageError(`--${name}=${given} must be one of ${choices.join(", ")}`);
  }
  return given;
}

/** The output of `--describe`, for programs. */
export interface Description {
  /** Every environment variable that the command reads. */
  readonly variables: readonly string[];
}

function helpText(spec: CommandSpec<Record<string, Flag>, SettingName>): string {
  const flags = flagsOf(spec).map(([name, { value, short, help }]): [string, string] => [
    `${short ? `-${short}, ` : ""}--${name}${value ? ` ${value}` : ""}`,
    help,
  ]);
  const variables = describeSettings(spec.settings).map(({ name, fallback, help }): [string, string] => [
    name,
    fallback ? `${help} [${fallback}]` : help,
  ]);
  return [
    `${spec.name} [flags]${spec.operands ? ` ${spec.operands}` : ""}`,
    `\n${spec.summary}`,
    `\nFlags:\n${table(flags)}`,
    ...(variables.length > 0 ? [`\nEnvironment [default]:\n${table(variables)}`] : []),
    `\nExamples:\n${spec.examples.map((example) => `  ${example}`).join("\n")}`,
    "\nExit status: 0 done, 1 something was not accepted or not done, 2 wrong usage or configuration.",
  ].join("\n");
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}

function parseEnvFile(path: string, readFile: (path: string) => string): Environment {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    throw new UsageError(`--env-file=${path} cannot be read: ${messageOf(error)}`);
  }
  const values = parseEnv(text);
  return (name) => values[name];
}

function layered(first: Environment, second: Environment): Environment {
  return (name) => first(name) || second(name);
}

/** Returns the places that the command connects to or listens on. */
function placesOf(
  { flags }: { readonly flags: Readonly<Record<string, Flag>> },
  given: { readonly flags: Readonly<Record<string, unknown>>; readonly config: Readonly<Record<string, unknown>> },
): Place[] {
  const places = placesIn(given.config);
  for (const [name, { listensAt }] of Object.entries(flags)) {
    if (listensAt === undefined) continue;
    const host = String(given.flags[name] ?? listensAt);
    if (/:\d+$/.test(host)) places.push({ shown: `--${name}=${host}`, host, listens: true });
  }
  return places;
}
