/** The schema of all environment variables: the only module that knows their names and defaults. */
import { readFileSync } from "node:fs";
import { isLoopback } from "../hosts.ts";
import { shownPath, shownRefused, shownUrl } from "../secrets.ts";
import {
  address,
  amqpName,
  brokerUrl,
  cacheUrl,
  databaseUrl,
  file,
  hostNames,
  integer,
  matching,
  milliseconds,
  networks,
  oneOf,
  optional,
  secret,
  type Setting,
} from "./setting.ts";
import { faultsOfQueueNames } from "./queue_names.ts";
import { type TlsFiles, usesTls, withTlsFiles } from "../tls.ts";

const settings = {
  RABBITMQ_URL: brokerUrl("amqp://guest:guest@127.0.0.1:5672", "where RabbitMQ is"),
  DEAD_LETTER_RABBITMQ_URL: optional(
    brokerUrl("amqp://127.0.0.1:5672", "RabbitMQ, for what takes and replays dead letters; RABBITMQ_URL if unset"),
  ),
  TOPOLOGY: oneOf("declare", ["declare", "check", "provisioned"], "what to do with exchanges and queues"),
  EVENTS_EXCHANGE: amqpName("casino.events", "exchange that events are published to"),
  EVENTS_QUEUE: amqpName("casino.events.queue", "queue that subscribers share"),
  DEAD_LETTER_QUEUE: amqpName(
    "casino.events.dead",
    "queue for what cannot be processed; its exchange has -letters behind it",
  ),
  DEAD_LETTER_KEEPER: oneOf("on", ["on", "off"], "whether dead letters are moved from their queue into Postgres"),
  DEAD_LETTER_RETENTION_DAYS: integer(
    "90",
    0,
    36_500,
    "days that letters are kept once replayed, dropped or resolved, and jobs once ended; 0 for ever",
  ),
  PREFETCH: integer("2000", 1, 10_000, "most deliveries that one subscriber holds unacknowledged"),
  BATCH_SIZE: integer("500", 1, 2000, "most deliveries that are stored in one transaction"),
  EVENTS_PARTITION_DAYS: integer("7", 1, 31, "days of events in each partition that is made from now on"),
  EVENTS_RETENTION_DAYS: integer(
    "0",
    0,
    36_500,
    "days that `deno task retention` leaves events where they are; 0 for ever",
  ),
  REDIS_URL: cacheUrl("redis://127.0.0.1:6379", "where Redis is: the rates cache and its lock"),
  REDIS_KEY_PREFIX: matching(
    "casino:",
    /^[\w:.\-]{0,64}$/,
    "up to 64 of A-Z a-z 0-9 _ : . -",
    "begins every Redis key",
  ),
  DATABASE_URL: databaseUrl(
    "postgres://casino:casino@127.0.0.1:5432/casino",
    "where Postgres is; ?search_path=NAME picks a schema",
  ),
  DATABASE_TIMEOUT_MS: milliseconds(
    "10000",
    100,
    600_000,
    "longest query; then its connection is dropped and the batch tried again",
  ),
  RATES_API_ADDRESS: address("127.0.0.1:50051", "where the rates API is, host:port"),
  RATES_API_TLS: oneOf(
    "off",
    ["off", "on", "public"],
    "TLS to the rates API; public for one that is not ours",
  ),
  RATES_API_PROXY: optional(address("", "HTTP proxy to the rates API, host:port; none if unset")),
  RATES_API_KEY: secret("development-key", "key that the rates API asks for"),
  RATES_API_OLD_KEY: optional(secret("", "a second key that the rates API takes, while keys are changed")),
  RATES_CONTROL_KEY: optional(secret("", "key of the controls of the rates API's mock; off if unset", 16)),
  RATES_TTL_MS: milliseconds("60000", 100, 86_400_000, "how long fetched rates are fresh"),
  RATES_CALL_TIMEOUT_MS: milliseconds("2000", 10, 60_000, "longest call to the rates API"),
  RATES_LOCK_TTL_MS: milliseconds("3000", 20, 120_000, "longest hold of the lock on fetching rates"),
  RATES_WAIT_MS: milliseconds("5000", 30, 600_000, "longest wait of a delivery for rates, then it is dead-lettered"),
  RATES_MAX_STALE_MS: milliseconds(
    "0",
    0,
    86_400_000,
    "how long past RATES_TTL_MS rates may serve when no fresh ones come",
  ),
  SHUTDOWN_GRACE_MS: milliseconds("10000", 0, 600_000, "longest orderly shutdown"),
  SUBSCRIBER_ID: optional(
    matching("", /^[\w.\-]{1,64}$/, "1 to 64 of A-Z a-z 0-9 _ . -", "names this subscriber; host-pid if unset"),
  ),
  HTTP_TOKENS_FILE: optional(file("who may look, act or administer over HTTP, a line each: name role token")),
  HTTP_TLS: oneOf("off", ["off", "on"], "serve HTTPS with TLS_CERT_FILE and TLS_KEY_FILE"),
  HTTP_PROTECTED_BY: oneOf(
    "itself",
    ["itself", "tls-proxy", "proxy"],
    "what has TLS beyond loopback, or asks who looks, too",
  ),
  HTTP_ALLOWED_HOSTS: hostNames("", "comma-separated names that HTTP answers to, beside its address and loopback"),
  HTTP_TRUSTED_PROXIES: networks("", "comma-separated addresses or networks whose X-Forwarded-For is believed"),
  TLS_CA_FILE: optional(file("CAs that TLS trusts, in place of the system's (PEM file)")),
  TLS_CERT_FILE: optional(file("client certificate, and that of HTTP_TLS (PEM file)")),
  TLS_KEY_FILE: optional(file("key of that certificate (PEM file)")),
  ALLOW_PLAINTEXT: oneOf("no", ["no", "yes"], "send credentials to other machines without TLS"),
  LOG_LEVEL: oneOf("info", ["debug", "info", "warning", "error"], "least severe log record that is written"),
} as const;

export type SettingName = keyof typeof settings;

/** The values of all settings, by environment variable. */
export type Config = { readonly [N in SettingName]: ReturnType<(typeof settings)[N]["read"]> };

/** Returns a variable's value; `undefined` and the empty string both mean unset. */
export type Environment = (name: string) => string | undefined;

/** For each `[a, b]`, the value of `a` must be less than the value of `b`, or `b` would always end first. */
const mustExceed = [
  ["RATES_CALL_TIMEOUT_MS", "RATES_LOCK_TTL_MS"],
  ["RATES_LOCK_TTL_MS", "RATES_WAIT_MS"],
] as const satisfies readonly (readonly [SettingName, SettingName])[];

/** The configuration is invalid; `problems` holds one sentence per faulty variable. */
export class ConfigError extends RangeError {
  override readonly name = "ConfigError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/** Reads a file as text. @throws {Error} */
export type ReadFile = (path: string) => string;

/**
 * Reads the named settings and their companions ({@linkcode withCompanions}), and no other variable. If a setting may
 * hold a secret, `NAME_FILE` may name a file with the value instead of `NAME`. Files that the settings name must be
 * readable.
 * @throws {ConfigError} with all problems at once
 */
export function readConfig<N extends SettingName>(
  names: readonly N[],
  env: Environment,
  readFile: ReadFile = (path) => readFileSync(path, "utf8"),
): Pick<Config, N> {
  const values: Partial<Record<SettingName, unknown>> = {};
  const problems: string[] = [];
  for (const name of withCompanions(names)) {
    const { fallback, shown: show = shownRefused, fromFile, path, read } = settings[name] as Setting<unknown>;
    let shown = "";
    try {
      const file = fromFile && env(`${name}_FILE`);
      shown = `${name}_FILE=${shownPath(file || "")}`;
      const given = file ? contentOf(file, name, env, readFile) : env(name);
      const text = given || fallback;
      if (text === undefined) continue;
      shown = file ? `${shown} holds a value that` : `${name}=${show(text)}`;
      values[name] = read(text);
      if (path) mustBeReadable(text, readFile);
    } catch (error) {
      problems.push(`${shown} must be ${(error as Error).message}`);
    }
  }
  problems.push(...faultsOfRelations(values), ...faultsOfQueueNames(values));
  problems.push(...faultsOfKeys(values), ...faultsOfConnections(values));
  if (problems.length > 0) throw new ConfigError(problems);
  const files: TlsFiles = tlsFilesOf(values as Partial<Config>);
  for (const name of urlNames) {
    if (typeof values[name] === "string") values[name] = withTlsFiles(values[name], files);
  }
  return Object.fromEntries(names.map((name) => [name, values[name]])) as Pick<Config, N>;
}

/** Returns the TLS files for URLs that name no files. */
export function tlsFilesOf(
  config: Partial<Pick<Config, "TLS_CA_FILE" | "TLS_CERT_FILE" | "TLS_KEY_FILE">>,
): TlsFiles {
  return { ca: config.TLS_CA_FILE, cert: config.TLS_CERT_FILE, key: config.TLS_KEY_FILE };
}

const urlNames = ["RABBITMQ_URL", "DEAD_LETTER_RABBITMQ_URL", "REDIS_URL", "DATABASE_URL"] as const;
const companions: readonly SettingName[] = ["TLS_CA_FILE", "TLS_CERT_FILE", "TLS_KEY_FILE", "ALLOW_PLAINTEXT"];

/** Adds the encryption settings that connection settings need. Returns all in the order of the documentation. */
export function withCompanions(names: readonly SettingName[]): readonly SettingName[] {
  const all = new Set<SettingName>(names);
  if (all.has("RATES_API_ADDRESS")) all.add("RATES_API_TLS");
  if (all.has("RATES_API_ADDRESS") || urlNames.some((name) => all.has(name))) {
    for (const name of companions) all.add(name);
  }
  return settingNames.filter((name) => all.has(name));
}

/** Returns every variable that is read for the named settings. */
export function variablesOf(names: readonly SettingName[]): string[] {
  return withCompanions(names).flatMap((name) =>
    (settings[name] as Setting<unknown>).fromFile ? [name, `${name}_FILE`] : [name]
  );
}

function contentOf(path: string, name: string, env: Environment, readFile: ReadFile): string {
  if (env(name)) throw new RangeError(`unset, or ${name} must be: both are set`);
  mustBeReadable(path, readFile);
  // Editors and tools end a file with a line feed that is not part of the secret.
  return readFile(path).replace(/\r?\n$/, "");
}

function mustBeReadable(path: string, readFile: ReadFile): void {
  try {
    readFile(path);
  } catch (error) {
    const problem = (error as Error).message.replaceAll(path, shownPath(path));
    throw new RangeError(`a file that can be read (${problem})`);
  }
}

type Values = Readonly<Partial<Record<SettingName, unknown>>>;

function faultsOfRelations(values: Values): string[] {
  const problems: string[] = [];
  for (const [lesser, greater] of mustExceed) {
    const [low, high] = [values[lesser], values[greater]];
    if (typeof low === "number" && typeof high === "number" && low >= high) {
      problems.push(`${greater}=${high} must exceed ${lesser}=${low}`);
    }
  }
  if ((values.TLS_CERT_FILE === undefined) !== (values.TLS_KEY_FILE === undefined)) {
    const [given, missing] = values.TLS_CERT_FILE
      ? ["TLS_CERT_FILE", "TLS_KEY_FILE"]
      : ["TLS_KEY_FILE", "TLS_CERT_FILE"];
    problems.push(`${given} is of no use without ${missing}`);
  }
  return problems;
}

/** Rejects the default key beyond this machine, and a control key that equals a rates key: subscribers have it. */
function faultsOfKeys(values: Values): string[] {
  const { RATES_API_KEY: key, RATES_API_OLD_KEY: old, RATES_CONTROL_KEY: control } = values;
  if (control !== undefined && (control === key || control === old)) {
    return ["RATES_CONTROL_KEY must be another key than those for rates: each subscriber has that one"];
  }
  const elsewhere = ratesLeaveBy(values);
  if (elsewhere === undefined) return [];
  const { fallback } = settings.RATES_API_KEY;
  const why = `${fallback} is the default, which everybody knows, and ${elsewhere} is not of this machine alone`;
  const problems: string[] = [];
  if (key === fallback) problems.push(`RATES_API_KEY must be set to a key of your own: ${why}`);
  if (old === fallback) problems.push(`RATES_API_OLD_KEY must be unset, or set to a key of your own: ${why}`);
  return problems;
}

/** Returns the setting and value that send rates calls to another machine; `undefined` if they stay on this one. */
function ratesLeaveBy(values: Values): string | undefined {
  for (const name of ["RATES_API_PROXY", "RATES_API_ADDRESS"] as const) {
    const address = values[name];
    if (typeof address === "string" && !isLoopback(address.replace(/:\d+$/, ""))) return `${name}=${address}`;
  }
  return undefined;
}

/** Rejects connections that would send credentials unencrypted to another machine, unless ALLOW_PLAINTEXT=yes. */
function faultsOfConnections(values: Values): string[] {
  if (values.ALLOW_PLAINTEXT !== "no") return [];
  const problems: string[] = [];
  for (const name of urlNames) {
    if (typeof values[name] !== "string") continue;
    const url = new URL(values[name]);
    // RabbitMQ's and Postgres's clients always send credentials, even if the URL has none.
    const credentials = !url.protocol.startsWith("redis") || url.username !== "" || url.password !== "";
    if (usesTls(url) || isLoopback(url.hostname) || !credentials) continue;
    const cure = url.protocol.startsWith("postgres")
      ? "add sslmode=verify-full"
      : `use ${url.protocol.slice(0, -1)}s://`;
    problems.push(
      `${name}=${shownUrl(url.href)} would send credentials to another machine unencrypted: ${cure}, ${orAllow}`,
    );
  }
  const elsewhere = ratesLeaveBy(values);
  if (elsewhere !== undefined && values.RATES_API_TLS === "off") {
    problems.push(
      `${elsewhere} would have RATES_API_KEY sent between machines unencrypted: set RATES_API_TLS=on, ${orAllow}`,
    );
  }
  return problems;
}

const orAllow = "or allow it with ALLOW_PLAINTEXT=yes";

/** Returns one row per setting that is read for the named settings, for `--help`. */
export function describeSettings(names: readonly SettingName[]): { name: string; fallback: string; help: string }[] {
  return withCompanions(names).map((name) => {
    const { fallback, help } = settings[name] as Setting<unknown>;
    return { name, fallback: fallback ?? "", help };
  });
}

/** All settings, in the order of the documentation. */
export const settingNames = Object.keys(settings) as SettingName[];
