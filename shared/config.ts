/** Every environment variable that any member reads, in one schema: the only place that knows their names and defaults. */

interface Setting<T> {
  /** As it would be written in the environment. Absent: the variable may be left unset and then reads as `undefined`. */
  readonly fallback?: string;
  /** What it means, with its unit. One line, for `--help`. */
  readonly help: string;
  /** Never shown in full, neither in errors nor in logs. */
  readonly secret?: boolean;
  /** @throws {RangeError} whose message says what would be right. */
  read(text: string): T;
}

const settings = {
  RABBITMQ_URL: url("amqp://guest:guest@127.0.0.1:5672", ["amqp:", "amqps:"], "where RabbitMQ is"),
  EVENTS_EXCHANGE: amqpName("casino.events", "exchange that events are published to"),
  EVENTS_QUEUE: amqpName("casino.events", "queue that subscribers share"),
  DEAD_LETTER_QUEUE: amqpName("casino.events.dead", "queue, and its exchange, for what cannot be processed"),
  PREFETCH: integer("2000", 1, 10_000, "most deliveries that one subscriber holds unacknowledged"),
  WINDOW_SIZE: integer("500", 1, 2000, "most deliveries that are stored in one transaction"),
  REDIS_URL: url("redis://127.0.0.1:6379", ["redis:", "rediss:"], "where Redis is: the rates cache and its lock"),
  REDIS_KEY_PREFIX: matching(
    "casino:",
    /^[\w:.\-]{0,64}$/,
    "up to 64 of A-Z a-z 0-9 _ : . -",
    "begins every Redis key",
  ),
  DATABASE_URL: url(
    "postgres://casino:casino@127.0.0.1:5432/casino",
    ["postgres:", "postgresql:"],
    "where Postgres is; ?search_path=NAME picks a schema",
  ),
  DATABASE_TIMEOUT_MS: milliseconds(
    "10000",
    100,
    600_000,
    "longest query; then its connection is dropped and the window tried again",
  ),
  RATES_API_ADDRESS: address("127.0.0.1:50051", "where the rates API is, host:port"),
  RATES_API_KEY: secret("development-key", "key that the rates API asks for"),
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
  RETRY_DELAYS_MS: delays(
    "",
    "waits, with commas between, of an event that found no rates before it is tried again (ms)",
  ),
  SHUTDOWN_GRACE_MS: milliseconds("10000", 0, 600_000, "longest orderly shutdown"),
  SUBSCRIBER_ID: optional(
    matching("", /^[\w.\-]{1,64}$/, "1 to 64 of A-Z a-z 0-9 _ . -", "names this subscriber; host-pid if unset"),
  ),
  HTTP_TOKEN: optional({
    ...matching(
      "",
      /^[\x21-\x7e]{16,512}$/,
      "16 to 512 visible ASCII characters",
      "bearer token for dead letters over HTTP; refused if unset",
    ),
    secret: true,
  }),
  LOG_LEVEL: oneOf("info", ["debug", "info", "warning", "error"], "least severe log record that is written"),
} as const;

export type SettingName = keyof typeof settings;

/** The values of all settings, under the names they have in the environment. */
export type Config = { readonly [N in SettingName]: ReturnType<(typeof settings)[N]["read"]> };

/** Looks a variable up; `undefined` and the empty string both mean unset. */
export type Environment = (name: string) => string | undefined;

/** Each `[a, b]`: the value of `a` must be less than that of `b`, or the later never gets to act. */
const mustExceed = [
  ["RATES_CALL_TIMEOUT_MS", "RATES_LOCK_TTL_MS"],
  ["RATES_LOCK_TTL_MS", "RATES_WAIT_MS"],
] as const satisfies readonly (readonly [SettingName, SettingName])[];

/** The configuration cannot be used; `problems` holds one sentence for each variable at fault. */
export class ConfigError extends RangeError {
  override readonly name = "ConfigError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/**
 * Reads the settings named, and no other variable.
 * @throws {ConfigError} with all problems at once.
 */
export function readConfig<N extends SettingName>(names: readonly N[], env: Environment): Pick<Config, N> {
  const values: Partial<Record<SettingName, unknown>> = {};
  const problems: string[] = [];
  for (const name of names) {
    const { fallback, secret, read } = settings[name] as Setting<unknown>;
    const text = env(name) || fallback;
    if (text === undefined) continue;
    try {
      values[name] = read(text);
    } catch (error) {
      problems.push(`${name}=${secret ? "(hidden)" : shownRefused(text)} must be ${(error as Error).message}`);
    }
  }
  for (const [lesser, greater] of mustExceed) {
    const [low, high] = [values[lesser], values[greater]];
    if (typeof low === "number" && typeof high === "number" && low >= high) {
      problems.push(`${greater}=${high} must exceed ${lesser}=${low}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return values as Pick<Config, N>;
}

/** Every variable that is read for the settings named. */
export function variablesOf(names: readonly SettingName[]): string[] {
  return [...names];
}

/** One row for each setting named, for `--help`. */
export function describeSettings(names: readonly SettingName[]): { name: string; fallback: string; help: string }[] {
  return names.map((name) => {
    const { fallback, help } = settings[name] as Setting<unknown>;
    return { name, fallback: fallback ?? "", help };
  });
}

/** All settings, in the order in which they are documented. */
export const settingNames = Object.keys(settings) as SettingName[];

/**
 * The text, such as a line of log, with the password of any URL in it blanked. A quote ends a URL, so that in JSON no
 * neighbouring field is taken for a part of it; a setting that is a URL holds neither quotes nor white space.
 */
export function redact(text: string): string {
  return text.replace(/(\/\/[^/?#\s":]*:)[^/?#\s"]*@/g, "$1***@").replace(secretParameter, "$1***");
}

/** Of a URL's query: ioredis, for one, takes a password from there. */
const secretParameter = /([?&](?:password|pass|pwd|secret|token|api_?key)=)[^&#\s"]*/gi;

/**
 * A value that was refused, as it may be shown: since it is not the URL that it should be, wherever it may hold a
 * password is blanked, down to all that stands before its last `@`. On one line and of bounded length.
 */
function shownRefused(text: string): string {
  const shown = text
    .replace(secretParameter, "$1***")
    .replace(/^([a-z][a-z\d+.\-]*:\/\/)?.*@/is, "$1***@")
    // scheme://:password without a host
    .replace(/^([a-z][a-z\d+.\-]*:\/\/[^/?#:@[]*:)(?!\d{1,5}(?:[/?#]|$)).*$/is, "$1***")
    .replace(/\p{Cc}/gu, "?");
  return shown.length > 200 ? `${shown.slice(0, 200)}…` : shown;
}

function setting<T>(fallback: string, help: string, read: (text: string) => T): Setting<T> & { fallback: string } {
  return { fallback, help, read };
}

function optional<T>({ help, secret = false, read }: Setting<T>): Setting<T | undefined> {
  return { help, secret, read };
}

function integer(fallback: string, min: number, max: number, help: string, unit = ""): Setting<number> {
  return setting(fallback, help, (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new RangeError(`a whole number${unit} from ${min} to ${max}`);
    }
    return value;
  });
}

function milliseconds(fallback: string, min: number, max: number, help: string): Setting<number> {
  return integer(fallback, min, max, `${help} (ms)`, " of milliseconds");
}

/** At most ten, in the order in which they are used. */
function delays(fallback: string, help: string): Setting<readonly number[]> {
  const each = integer("", 10, 86_400_000, "");
  return setting(fallback, help, (text) => {
    const parts = text === "" ? [] : text.split(",").map((part) => part.trim());
    if (parts.length > 10) throw new RangeError("at most 10 delays");
    try {
      return parts.map((part) => each.read(part));
    } catch {
      throw new RangeError("whole numbers of milliseconds from 10 to 86400000 with commas between, as in 1000,10000");
    }
  });
}

function matching(fallback: string, pattern: RegExp, right: string, help: string): Setting<string> {
  return setting(fallback, help, (text) => {
    if (!pattern.test(text)) throw new RangeError(right);
    return text;
  });
}

/** RabbitMQ reserves names that begin with `amq.`; a name is at most 255 bytes (AMQP 0-9-1, short string). */
function amqpName(fallback: string, help: string): Setting<string> {
  return matching(
    fallback,
    /^(?!amq\.)[\w.:\-]{1,200}$/,
    "1 to 200 of A-Z a-z 0-9 _ . : - and not begin with amq.",
    help,
  );
}

function secret(fallback: string, help: string): Setting<string> {
  return { ...matching(fallback, /^[\x21-\x7e]{1,512}$/, "1 to 512 visible ASCII characters", help), secret: true };
}

function address(fallback: string, help: string): Setting<string> {
  return setting(fallback, help, (text) => {
    const port = /^(?:[\w.\-]+|\[[\da-fA-F:]+\]):(\d{1,5})$/.exec(text)?.[1];
    if (port === undefined || Number(port) < 1 || Number(port) > 65_535) {
      throw new RangeError("host:port, for example 127.0.0.1:50051");
    }
    return text;
  });
}

function url(fallback: string, protocols: readonly string[], help: string): Setting<string> {
  return setting(fallback, help, (text) => {
    if (!isPlainUrl(text) || !protocols.includes(new URL(text).protocol) || new URL(text).hostname === "") {
      const escapes = /[@%]/.test(text) ? ", with / ? # @ % written %2F %3F %23 %40 %25 in a user or password" : "";
      throw new RangeError(`a URL such as ${redact(fallback)}${escapes}`);
    }
    return text;
  });
}

/**
 * A URL in which nothing has to be guessed: a `/`, `?` or `#` that stands unescaped in a password would end the host
 * early, and name another one.
 */
function isPlainUrl(text: string): boolean {
  try {
    decodeURIComponent(text);
  } catch {
    return false;
  }
  return URL.canParse(text) && !/[\s"\p{Cc}]/u.test(text) && !/\/\/[^/?#]*[/?#].*@/.test(text);
}

function oneOf<const T extends string>(fallback: T, choices: readonly T[], help: string): Setting<T> {
  return setting(fallback, `${help}: ${choices.join(", ")}`, (text) => {
    const found = choices.find((choice) => choice === text);
    if (found === undefined) throw new RangeError(`one of ${choices.join(", ")}`);
    return found;
  });
}
