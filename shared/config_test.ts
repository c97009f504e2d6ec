import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  ConfigError,
  describeSettings,
  readConfig,
  redact,
  type SettingName,
  settingNames,
  variablesOf,
} from "./config.ts";

function problemsOf(values: Readonly<Record<string, string>>): readonly string[] {
  const noFile = () => {
    throw new Error("ENOENT");
  };
  try {
    readConfig(settingNames, (name) => values[name], noFile);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** What is set by one variable alone. */
function readOne(name: SettingName, value: string) {
  return readConfig([name], (asked) => asked === name ? value : undefined)[name];
}

Deno.test("readConfig() has a default for every setting that is needed, and all of them are valid", () => {
  const config = readConfig(settingNames, () => undefined);
  deepStrictEqual(settingNames.filter((name) => config[name] === undefined), [
    ...["DEAD_LETTER_RABBITMQ_URL", "RATES_API_OLD_KEY", "SUBSCRIBER_ID", "HTTP_TOKEN"],
    ...["TLS_CA_FILE", "TLS_CERT_FILE", "TLS_KEY_FILE"],
  ]);
  deepStrictEqual([config.RATES_TTL_MS, config.PREFETCH, config.EVENTS_QUEUE], [60_000, 2_000, "casino.events"]);
});

Deno.test("readConfig() reads no variable but those that it is asked for", () => {
  const read: string[] = [];
  readConfig(["PREFETCH", "LOG_LEVEL"], (name) => void read.push(name));
  deepStrictEqual(read, ["PREFETCH", "LOG_LEVEL"]);
});

Deno.test("readConfig() takes an empty variable for one that is not set", () => {
  strictEqual(readConfig(["PREFETCH"], () => "").PREFETCH, 2_000);
});

Deno.test("readConfig() tells name, value and what is right, for all that is wrong at once", () => {
  deepStrictEqual(
    problemsOf({ PREFETCH: "50000", RATES_TTL_MS: "1m", LOG_LEVEL: "loud", RATES_API_ADDRESS: "localhost" }),
    [
      "PREFETCH=50000 must be a whole number from 1 to 10000",
      "RATES_API_ADDRESS=localhost must be host:port, for example 127.0.0.1:50051",
      "RATES_TTL_MS=1m must be a whole number of milliseconds from 100 to 86400000",
      "LOG_LEVEL=loud must be one of debug, info, warning, error",
    ],
  );
});

Deno.test("readConfig() refuses a bad value of every setting, with its name, the value and what is right", () => {
  const name200 = "1 to 200 of A-Z a-z 0-9 _ . : - and not begin with amq.";
  const ms = "a whole number of milliseconds from";
  const bad: Record<SettingName, { right: string; values: string[] }> = {
    RABBITMQ_URL: {
      right: "a URL such as amqp://guest:***@127.0.0.1:5672",
      values: ["localhost", "http://localhost", "amqp://", "amqp://host:99999", "amqp://a host", 'amqp://a"b'],
    },
    DEAD_LETTER_RABBITMQ_URL: { right: "a URL such as amqp://127.0.0.1:5672", values: ["redis://localhost"] },
    TOPOLOGY: { right: "one of declare, check", values: ["create", "Check"] },
    EVENTS_EXCHANGE: { right: name200, values: ["amq.topic", "a b", " ", "x\n"] },
    EVENTS_QUEUE: { right: name200, values: ["amq.gen", "ü", "x".repeat(201).slice(0, 200) + "y"] },
    DEAD_LETTER_QUEUE: { right: name200, values: ["a/b"] },
    PREFETCH: {
      right: "a whole number from 1 to 10000",
      values: ["0", "10001", "-1", "1e3", "2.5", "0x10", " 5", "∞"],
    },
    WINDOW_SIZE: { right: "a whole number from 1 to 2000", values: ["0", "2001", "many", "9".repeat(150)] },
    REDIS_URL: {
      right: "a URL such as redis://127.0.0.1:6379",
      values: ["127.0.0.1:6379", "amqp://127.0.0.1", "redis:///0"],
    },
    REDIS_KEY_PREFIX: { right: "up to 64 of A-Z a-z 0-9 _ : . -", values: ["{braces}", "x".repeat(65), "a*"] },
    DATABASE_URL: {
      right: "a URL such as postgres://casino:***@127.0.0.1:5432/casino",
      values: ["mysql://localhost/x", "casino", "host=localhost dbname=casino"],
    },
    DATABASE_TIMEOUT_MS: { right: `${ms} 100 to 600000`, values: ["99", "600001", "10s"] },
    RATES_API_ADDRESS: {
      right: "host:port, for example 127.0.0.1:50051",
      values: ["host", "host:0", "host:65536", "host:70000", "http://host:1", ":1", "a:b:1", "[::1]"],
    },
    RATES_API_TLS: { right: "one of off, on, public", values: ["yes", "true"] },
    RATES_API_OLD_KEY: { right: "1 to 512 visible ASCII characters", values: ["with space"] },
    RATES_API_KEY: { right: "1 to 512 visible ASCII characters", values: ["with space", "ü", "x".repeat(513)] },
    RATES_TTL_MS: { right: `${ms} 100 to 86400000`, values: ["99", "86400001", "1m"] },
    RATES_CALL_TIMEOUT_MS: { right: `${ms} 10 to 60000`, values: ["9", "60001"] },
    RATES_LOCK_TTL_MS: { right: `${ms} 20 to 120000`, values: ["19", "120001", "3s"] },
    RATES_WAIT_MS: { right: `${ms} 30 to 600000`, values: ["29", "600001", "soon"] },
    RATES_MAX_STALE_MS: { right: `${ms} 0 to 86400000`, values: ["-1", "86400001"] },
    RETRY_DELAYS_MS: {
      right: "whole numbers of milliseconds from 10 to 86400000 with commas between, as in 1000,10000",
      values: ["9", "1000,", "1000;2000", "1s", "86400001", ",", "1000,,2000"],
    },
    SHUTDOWN_GRACE_MS: { right: `${ms} 0 to 600000`, values: ["-1", "600001"] },
    SUBSCRIBER_ID: { right: "1 to 64 of A-Z a-z 0-9 _ . -", values: ["a b", "x".repeat(65), "a/b"] },
    HTTP_TOKEN: {
      right: "16 to 512 visible ASCII characters",
      values: ["x".repeat(15), "x".repeat(513), "a token of twenty"],
    },
    TLS_CA_FILE: { right: "a file that can be read (ENOENT)", values: ["/nowhere/ca.pem"] },
    TLS_CERT_FILE: { right: "a file that can be read (ENOENT)", values: ["/nowhere/tls.crt"] },
    TLS_KEY_FILE: { right: "a file that can be read (ENOENT)", values: ["/nowhere/tls.key"] },
    ALLOW_PLAINTEXT: { right: "one of no, yes", values: ["true", "YES"] },
    LOG_LEVEL: { right: "one of debug, info, warning, error", values: ["INFO", "loud", "warn"] },
  };
  for (const [name, { right, values }] of Object.entries(bad)) {
    for (const value of values) {
      const shown = ["RATES_API_KEY", "RATES_API_OLD_KEY", "HTTP_TOKEN"].includes(name)
        ? "(hidden)"
        : value.length > 200
        ? `${value.slice(0, 200)}…`
        : value;
      deepStrictEqual(problemsOf({ [name]: value }).slice(0, 1), [
        `${name}=${shown.replace("\n", "?")} must be ${right}`,
      ]);
    }
  }
});

Deno.test("readConfig() refuses a URL with a control character in it, which URL would pass over or escape", () => {
  for (const url of ["\x01redis://host", "redis://u\x1bs:p@host", "redis://host/0\x7f"]) {
    strictEqual(problemsOf({ REDIS_URL: url })[0]?.includes("must be a URL such as redis://127.0.0.1:6379"), true, url);
  }
});

Deno.test("readConfig() accepts the least and the greatest value that it says is right", () => {
  const ends: Partial<Record<SettingName, [string, string]>> = {
    PREFETCH: ["1", "10000"],
    WINDOW_SIZE: ["1", "2000"],
    RATES_TTL_MS: ["100", "86400000"],
    RATES_CALL_TIMEOUT_MS: ["10", "60000"],
    RATES_LOCK_TTL_MS: ["20", "120000"],
    RATES_WAIT_MS: ["30", "600000"],
    RATES_MAX_STALE_MS: ["0", "86400000"],
    SHUTDOWN_GRACE_MS: ["0", "600000"],
  };
  for (const [name, values] of Object.entries(ends)) {
    for (const value of values) {
      strictEqual(readOne(name as SettingName, value), Number(value), name);
    }
  }
});

Deno.test("readConfig() accepts what the servers' own documentation shows", () => {
  const good: Partial<Record<SettingName, string[]>> = {
    RABBITMQ_URL: ["amqps://user:p%40ss@broker.example:5671/vhost?heartbeat=10", "amqp://[::1]:5672"],
    REDIS_URL: ["rediss://:p%2Fss@cache.example:6380/1", "redis://10.0.0.1"],
    DATABASE_URL: [
      "postgresql://db.example/casino?search_path=a,b&sslmode=verify-full",
      "postgres://u@s:p@localhost/x",
    ],
    RATES_API_ADDRESS: ["127.0.0.1:443", "[::1]:50051", "localhost:1"],
    SUBSCRIBER_ID: ["pod-7.example_1"],
    RATES_API_KEY: ["!~\"'#/", "x".repeat(512)],
  };
  for (const [name, values] of Object.entries(good)) {
    for (const value of values) {
      strictEqual(readOne(name as SettingName, value), value);
    }
  }
});

Deno.test("readConfig() checks that call timeout, lock and wait fit into each other", () => {
  deepStrictEqual(problemsOf({ RATES_CALL_TIMEOUT_MS: "3000", RATES_LOCK_TTL_MS: "2000", RATES_WAIT_MS: "2000" }), [
    "RATES_LOCK_TTL_MS=2000 must exceed RATES_CALL_TIMEOUT_MS=3000",
    "RATES_WAIT_MS=2000 must exceed RATES_LOCK_TTL_MS=2000",
  ]);
  deepStrictEqual(problemsOf({ RATES_LOCK_TTL_MS: "2000" }), [
    "RATES_LOCK_TTL_MS=2000 must exceed RATES_CALL_TIMEOUT_MS=2000",
  ]);
  deepStrictEqual(problemsOf({ RATES_LOCK_TTL_MS: "2001", RATES_WAIT_MS: "2002" }), []);
  // A member that does not read the other setting has nothing to compare with.
  strictEqual(readConfig(["RATES_LOCK_TTL_MS"], () => "20").RATES_LOCK_TTL_MS, 20);
});

/** Every part of a password, so that half of one that is shown is seen, between characters that end things in a URL. */
const anyPassword = fc.tuple(
  fc.array(fc.string({ minLength: 7, maxLength: 7, unit: fc.constantFrom(..."abcdefXYZ0189") }), {
    minLength: 1,
    maxLength: 4,
  }),
  fc.constantFrom(..."/?#@:%&\"' \\\n;,=[]{}|^<>é-_.!$*+~"),
).map(([parts, separator]) => ({ parts, text: parts.join(separator) }));

Deno.test("readConfig() and redact() never show a password, wherever it stands in a URL, well formed or not", () => {
  const schemes = ["amqp", "amqps", "redis", "rediss", "postgres", "postgresql", "http"];
  const shapes: ((scheme: string, password: string) => string)[] = [
    (scheme, password) => `${scheme}://user:${password}@host:5672/db`,
    (scheme, password) => `${scheme}://us@er:${password}@host/db`,
    (scheme, password) => `${scheme}://:${password}@host`,
    (scheme, password) => `${scheme}:user:${password}@host`,
    (scheme, password) => `${scheme}:/user:${password}@host/`,
    (scheme, password) => `${scheme}://user:${password.slice(0, 7)}`,
    (_, password) => `user:${password}@host:5432`,
    (scheme, password) => `${scheme}://host/0?password=${encodeURIComponent(password)}`,
    (scheme, password) => `${scheme}://h o s t/0?db=1&password=${encodeURIComponent(password)}`,
  ];
  let [accepted, refused] = [0, 0];
  fc.assert(
    fc.property(
      fc.constantFrom("RABBITMQ_URL", "REDIS_URL", "DATABASE_URL", "RATES_API_ADDRESS" as const),
      fc.constantFrom(...schemes),
      fc.constantFrom(...shapes),
      fc.constantFrom("yes", "no"),
      anyPassword,
      (name, scheme, shape, allowed, { parts, text }) => {
        const value = shape(scheme, text);
        const problems = problemsOf({ [name]: value, ALLOW_PLAINTEXT: allowed });
        if (problems.length > 0) refused++;
        else accepted++;
        const line = JSON.stringify({ message: `No connection to ${value}`, url: value, email: "a@example.com" });
        const shown = problems.length > 0 ? problems.join("\n") : `${redact(value)} ${redact(line)}`;
        for (const part of parts) strictEqual(shown.includes(part), false, shown);
      },
    ),
    { numRuns: 10_000 },
  );
  strictEqual(accepted > 500 && refused > 500, true, `${accepted} accepted, ${refused} refused`);
});

Deno.test("readConfig() never shows a key", () => {
  fc.assert(
    fc.property(anyPassword, ({ parts, text }) => {
      const shown = problemsOf({ RATES_API_KEY: `${text} ` }).join("\n");
      strictEqual(shown, "RATES_API_KEY=(hidden) must be 1 to 512 visible ASCII characters");
      for (const part of parts) strictEqual(shown.includes(part), false, shown);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("readConfig() tells how to write a password that would end the host early, or is cut by its own %", () => {
  const escapes = "with / ? # @ % written %2F %3F %23 %40 %25 in a user or password";
  for (const password of ["a/b", "12/b", "a?b", "1?b", "a#b", "1#b", "50%", "%zz", "%ff"]) {
    deepStrictEqual(problemsOf({ REDIS_URL: `redis://u:${password}@host` }), [
      `REDIS_URL=redis://***@host must be a URL such as redis://127.0.0.1:6379, ${escapes}`,
    ]);
    deepStrictEqual(problemsOf({ REDIS_URL: `rediss://u:${encodeURIComponent(password)}@host` }), []);
  }
});

Deno.test("redact() blanks passwords and nothing else", () => {
  const cases: [string, string][] = [
    ["amqp://guest:guest@127.0.0.1:5672", "amqp://guest:***@127.0.0.1:5672"],
    ["redis://:a@b@host/0", "redis://:***@host/0"],
    ["no //url:here", "no //url:here"],
    ["redis://127.0.0.1:6379 and john@example.com", "redis://127.0.0.1:6379 and john@example.com"],
    [
      '{"redis":"redis://127.0.0.1:6379","email":"john@example.com"}',
      '{"redis":"redis://127.0.0.1:6379","email":"john@example.com"}',
    ],
    ["redis://host/0?password=x&db=1 tried", "redis://host/0?password=***&db=1 tried"],
    ["postgres://a:b@h/x and amqp://c:d@h", "postgres://a:***@h/x and amqp://c:***@h"],
  ];
  for (const [text, shown] of cases) strictEqual(redact(text), shown);
});

Deno.test("describeSettings() explains every setting", () => {
  for (const { name, help } of describeSettings(settingNames)) strictEqual(help.length > 10, true, name);
});

Deno.test("readConfig() takes what may hold a secret from the file that NAME_FILE names", () => {
  const files: Record<string, string> = { "/run/key": "of-the-file\n", "/run/url": "redis://:p@127.0.0.1:6400" };
  const env: Record<string, string> = { RATES_API_KEY_FILE: "/run/key", REDIS_URL_FILE: "/run/url" };
  const config = readConfig(["RATES_API_KEY", "REDIS_URL"], (name) => env[name], (path) => files[path]!);
  deepStrictEqual([config.RATES_API_KEY, config.REDIS_URL], ["of-the-file", "redis://:p@127.0.0.1:6400"]);
});

Deno.test("readConfig() says of NAME_FILE what is wrong, and never what the file holds", () => {
  const read = (env: Record<string, string>, content: string) => () =>
    readConfig(["HTTP_TOKEN"], (name) => env[name], (path) => {
      if (path !== "/run/token") throw new Error("ENOENT");
      return content;
    });
  const message = (message: string) => ({ name: "ConfigError", message });
  throws(
    read({ HTTP_TOKEN_FILE: "/run/token" }, "too short"),
    message("HTTP_TOKEN_FILE=/run/token holds a value that must be 16 to 512 visible ASCII characters"),
  );
  throws(
    read({ HTTP_TOKEN_FILE: "/run/none" }, ""),
    message("HTTP_TOKEN_FILE=/run/none must be a file that can be read (ENOENT)"),
  );
  throws(
    read({ HTTP_TOKEN_FILE: "/run/token", HTTP_TOKEN: "x".repeat(20) }, "y".repeat(20)),
    message("HTTP_TOKEN_FILE=/run/token must be unset, or HTTP_TOKEN must be: both are set"),
  );
});

Deno.test("readConfig() refuses to send credentials to another machine unencrypted, unless that is allowed", () => {
  const allow = "or allow it with ALLOW_PLAINTEXT=yes";
  const plain = {
    RABBITMQ_URL: "amqp://u:secret@broker.example",
    REDIS_URL: "redis://:secret@10.0.0.1",
    DATABASE_URL: "postgres://u:secret@db.example/casino?sslmode=disable",
    RATES_API_ADDRESS: "rates.example:443",
  };
  deepStrictEqual(problemsOf(plain), [
    `RABBITMQ_URL=amqp://u:***@broker.example would send credentials to another machine unencrypted: use amqps://, ${allow}`,
    `REDIS_URL=redis://:***@10.0.0.1 would send credentials to another machine unencrypted: use rediss://, ${allow}`,
    "DATABASE_URL=postgres://u:***@db.example/casino?sslmode=disable would send credentials to another machine " +
    `unencrypted: add sslmode=verify-full, ${allow}`,
    "RATES_API_ADDRESS=rates.example:443 would have RATES_API_KEY sent between machines unencrypted: " +
    `set RATES_API_TLS=on, ${allow}`,
  ]);
  deepStrictEqual(problemsOf({ ...plain, ALLOW_PLAINTEXT: "yes" }), []);
  const encrypted = {
    RABBITMQ_URL: "amqps://u:secret@broker.example",
    REDIS_URL: "rediss://:secret@10.0.0.1",
    DATABASE_URL: "postgres://u:secret@db.example/casino?sslmode=verify-full",
    RATES_API_ADDRESS: "rates.example:443",
    RATES_API_TLS: "on",
  };
  deepStrictEqual(problemsOf(encrypted), []);
  // Without a password there is nothing to be read on the way but rates.
  deepStrictEqual(problemsOf({ REDIS_URL: "redis://cache.example" }), []);
  // A broker is logged in to with guest when the URL names nobody.
  strictEqual(problemsOf({ RABBITMQ_URL: "amqp://broker.example" }).length, 1);
});

Deno.test("readConfig() refuses a sslmode that does not verify who answers", () => {
  for (const mode of ["require", "prefer", "allow", "verify-ca"]) {
    deepStrictEqual(problemsOf({ DATABASE_URL: `postgres://u@127.0.0.1/x?sslmode=${mode}` }), [
      `DATABASE_URL=postgres://***@127.0.0.1/x?sslmode=${mode} must be a URL with sslmode=verify-full, or disable: the others ` +
      "do not verify who answers",
    ]);
  }
});

Deno.test("readConfig() gives each URL with TLS the files that it does not name, and no other", () => {
  const env: Record<string, string> = {
    RABBITMQ_URL: "amqps://127.0.0.1",
    REDIS_URL: "redis://127.0.0.1",
    TLS_CA_FILE: "/tls/ca.pem",
  };
  const { RABBITMQ_URL, REDIS_URL } = readConfig(["RABBITMQ_URL", "REDIS_URL"], (name) => env[name], () => "");
  deepStrictEqual(
    [RABBITMQ_URL, REDIS_URL],
    ["amqps://127.0.0.1?cacertfile=%2Ftls%2Fca.pem", "redis://127.0.0.1"],
  );
});

Deno.test("readConfig() wants certificate and key, or neither", () => {
  const problems = (env: Record<string, string>) => {
    try {
      readConfig(["REDIS_URL"], (name) => env[name], () => "");
      return undefined;
    } catch (error) {
      return (error as ConfigError).problems;
    }
  };
  deepStrictEqual(problems({ TLS_CERT_FILE: "/c" }), ["TLS_CERT_FILE is of no use without TLS_KEY_FILE"]);
  deepStrictEqual(problems({ TLS_KEY_FILE: "/k" }), ["TLS_KEY_FILE is of no use without TLS_CERT_FILE"]);
  strictEqual(problems({ TLS_CERT_FILE: "/c", TLS_KEY_FILE: "/k" }), undefined);
});

Deno.test("variablesOf() names all that is read for a setting", () => {
  deepStrictEqual(variablesOf(["PREFETCH", "HTTP_TOKEN"]), ["PREFETCH", "HTTP_TOKEN", "HTTP_TOKEN_FILE"]);
  deepStrictEqual(variablesOf(["REDIS_URL"]), [
    ...["REDIS_URL", "REDIS_URL_FILE", "TLS_CA_FILE", "TLS_CERT_FILE", "TLS_KEY_FILE", "ALLOW_PLAINTEXT"],
  ]);
});
