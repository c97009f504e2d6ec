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
  numbers,
  oneOf,
  optional,
  secret,
  type Setting,
} from "./setting.ts";
import { faultsOfQueueNames, mostShards } from "./queue_names.ts";
import { type TlsFiles, usesTls, withTlsFiles } from "../tls.ts";

const settings = {
  RABBITMQ_URL: brokerUrl("amqp://guest:guest@127.0.0.1:5672", "URL of RabbitMQ"),
  DEAD_LETTER_RABBITMQ_URL: optional(
    brokerUrl(
      "amqp://127.0.0.1:5672",
      "URL of RabbitMQ for the keeper and replays of dead letters; RABBITMQ_URL if unset",
    ),
  ),
  TOPOLOGY: oneOf(
    "declare",
    ["declare", "check", "provisioned"],
    "how a member treats exchanges and queues at start",
  ),
  EVENTS_EXCHANGE: amqpName("casino.events", "exchange that events are published to"),
  EVENTS_QUEUE: amqpName("casino.events.queue", "queue that subscribers share"),
  EVENTS_SHARDS: integer("1", 1, mostShards, "number of events queues, divided by player: docs/scale.md"),
  EVENTS_SHARDS_TAKEN: numbers(
    "",
    0,
    mostShards - 1,
    "comma-separated numbers of the events queues that this subscriber takes from; all if empty",
  ),
  DEAD_LETTER_QUEUE: amqpName(
    "casino.events.dead",
    "queue for dead letters; its exchange has the same name and the suffix -letters",
  ),
  DEAD_LETTER_KEEPER: oneOf("on", ["on", "off"], "whether dead letters are moved from their queue into Postgres"),
  DEAD_LETTER_RETENTION_DAYS: integer(
    "90",
    0,
    36_500,
    "days to keep replayed, dropped and resolved dead letters, and ended jobs; 0 keeps them forever",
  ),
  PREFETCH: integer("2000", 1, 10_000, "highest number of unacknowledged deliveries in one subscriber"),
  BATCH_SIZE: integer("500", 1, 2000, "highest number of deliveries stored in one transaction"),
  EVENTS_PARTITION_DAYS: integer("7", 1, 31, "days of events in each new partition"),
  EVENTS_RETENTION_DAYS: integer(
    "0",
    0,
    36_500,
    "age in days from which `deno task retention` deletes events; 0 keeps them forever",
  ),
  REDIS_URL: cacheUrl(
    "redis://127.0.0.1:6379",
    "URL of Redis, for the rates cache, its lock and the subscribers' reports",
  ),
  REDIS_KEY_PREFIX: matching(
    "casino:",
    /^[\w:.\-]{0,64}$/,
    "up to 64 of A-Z a-z 0-9 _ : . -",
    "prefix of every Redis key",
  ),
  DATABASE_URL: databaseUrl(
    "postgres://casino:casino@127.0.0.1:5432/casino",
    "URL of Postgres; ?search_path=NAME selects a schema",
  ),
  DATABASE_TIMEOUT_MS: milliseconds(
    "10000",
    100,
    600_000,
    "longest query; then the connection is closed and the batch retried",
  ),
  RATES_API_ADDRESS: address("127.0.0.1:50051", "address of the rates API, host:port"),
  RATES_API_TLS: oneOf(
    "off",
    ["off", "on", "public"],
    "TLS to the rates API; public for an API of another organization",
  ),
  RATES_API_PROXY: optional(address("", "HTTP proxy for the rates API, host:port; none if unset")),
  RATES_API_KEY: secret("development-key", "API key of the rates API"),
  RATES_API_OLD_KEY: optional(secret("", "second key that the rates API accepts during a rotation")),
  RATES_CONTROL_KEY: optional(secret("", "key for rates-api:control; the mock has no controls if unset", 16)),
  RATES_TTL_MS: milliseconds("60000", 100, 86_400_000, "time that fetched rates stay fresh"),
  RATES_CALL_TIMEOUT_MS: milliseconds("2000", 10, 60_000, "longest call to the rates API"),
  RATES_LOCK_TTL_MS: milliseconds(
    "3000",
    20,
    120_000,
    "longest time that one subscriber holds the lock for fetching rates",
  ),
  RATES_WAIT_MS: milliseconds("5000", 30, 600_000, "longest wait for rates; then the delivery is dead-lettered"),
  RATES_MAX_STALE_MS: milliseconds(
    "0",
    0,
    86_400_000,
    "time past RATES_TTL_MS that stale rates may be used when fetching fails",
  ),
  SHUTDOWN_GRACE_MS: milliseconds("10000", 0, 600_000, "longest graceful shutdown"),
  SUBSCRIBER_ID: optional(
    matching("", /^[\w.\-]{1,64}$/, "1 to 64 of A-Z a-z 0-9 _ . -", "name of this subscriber; host-pid if unset"),
  ),
  HTTP_TOKENS_FILE: optional(file("file with the HTTP tokens, one per line: name role token")),
  HTTP_TLS: oneOf("off", ["off", "on"], "serve HTTPS with TLS_CERT_FILE and TLS_KEY_FILE"),
  HTTP_PROTECTED_BY: oneOf(
    "itself",
    ["itself", "tls-proxy", "proxy"],
    "what provides TLS beyond loopback; proxy also authenticates users",
  ),
  HTTP_ALLOWED_HOSTS: hostNames("", "comma-separated host names that HTTP serves besides its address and loopback"),
  HTTP_TRUSTED_PROXIES: networks("", "comma-separated addresses or networks whose X-Forwarded-For is trusted"),
  TLS_CA_FILE: optional(file("CAs that TLS trusts instead of the system's (PEM file)")),
  TLS_CERT_FILE: optional(file("client certificate, and server certificate for HTTP_TLS (PEM file)")),
  TLS_KEY_FILE: optional(file("private key of TLS_CERT_FILE (PEM file)")),
  ALLOW_PLAINTEXT: oneOf("no", ["no", "yes"], "whether to allow credentials without TLS to other machines"),
  LOG_LEVEL: oneOf("info", ["debug", "info", "warning", "error"], "lowest severity that is logged"),
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
  if (env(name)) throw new RangeError(`unset, because ${name} is also set: unset one of them`);
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
  const { EVENTS_SHARDS: shards, EVENTS_SHARDS_TAKEN: taken, PREFETCH: prefetch } = values;
  if (typeof shards === "number" && Array.isArray(taken) && taken.some((shard) => shard >= shards)) {
    problems.push(`EVENTS_SHARDS=${shards} must exceed each number of EVENTS_SHARDS_TAKEN=${taken}: the first is 0`);
  }
  if (typeof shards === "number" && typeof prefetch === "number" && prefetch < shards) {
    problems.push(`EVENTS_SHARDS=${shards} must not exceed PREFETCH=${prefetch}, which the shards divide`);
  }
  if ((values.TLS_CERT_FILE === undefined) !== (values.TLS_KEY_FILE === undefined)) {
    const [given, missing] = values.TLS_CERT_FILE
      ? ["TLS_CERT_FILE", "TLS_KEY_FILE"]
      : ["TLS_KEY_FILE", "TLS_CERT_FILE"];
    problems.push(`${given} requires ${missing}: set both or neither`);
  }
  return problems;
}

/** Rejects the default key beyond this machine, and a control key that equals a rates key: subscribers have it. */
function faultsOfKeys(values: Values): string[] {
  const { RATES_API_KEY: key, RATES_API_OLD_KEY: old, RATES_CONTROL_KEY: control } = values;
  if (control !== undefined && (control === key || control === old)) {
    return [
      "RATES_CONTROL_KEY must differ from RATES_API_KEY and RATES_API_OLD_KEY, because every subscriber has those",
    ];
  }
  const elsewhere = ratesLeaveBy(values);
  if (elsewhere === undefined) return [];
  const { fallback } = settings.RATES_API_KEY;
  const why = `${fallback} is the public default, and ${elsewhere} is not a loopback address`;
  const problems: string[] = [];
  if (key === fallback) problems.push(`RATES_API_KEY must be your own key: ${why}`);
  if (old === fallback) problems.push(`RATES_API_OLD_KEY must be unset or your own key: ${why}`);
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
      `${elsewhere} would expose RATES_API_KEY on the network unencrypted: set RATES_API_TLS=on, ${orAllow}`,
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
