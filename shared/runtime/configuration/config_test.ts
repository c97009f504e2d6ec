import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { describeSettings, readConfig, type SettingName, settingNames, variablesOf } from "./config.ts";
import { problemsOf } from "../../../tests/fixtures/config_problems.ts";

/** Reads one setting with only its own variable set. */
function readOne(name: SettingName, value: string) {
  return readConfig([name], (asked) => asked === name ? value : undefined)[name];
}

Deno.test("readConfig() has a valid default for every required setting", () => {
  const config = readConfig(settingNames, () => undefined);
  deepStrictEqual(settingNames.filter((name) => config[name] === undefined), [
    ...[
      "DEAD_LETTER_RABBITMQ_URL",
      "RATES_API_PROXY",
      "RATES_API_OLD_KEY",
      "RATES_CONTROL_KEY",
      "SUBSCRIBER_ID",
      "HTTP_TOKENS_FILE",
    ],
    ...["TLS_CA_FILE", "TLS_CERT_FILE", "TLS_KEY_FILE"],
  ]);
  deepStrictEqual([config.RATES_TTL_MS, config.PREFETCH, config.EVENTS_QUEUE], [60_000, 2_000, "casino.events.queue"]);
});

Deno.test("readConfig() reads only the requested variables", () => {
  const read: string[] = [];
  readConfig(["PREFETCH", "LOG_LEVEL"], (name) => void read.push(name));
  deepStrictEqual(read, ["PREFETCH", "LOG_LEVEL"]);
});

Deno.test("readConfig() treats an empty variable as unset", () => {
  strictEqual(readConfig(["PREFETCH"], () => "").PREFETCH, 2_000);
});

Deno.test("readConfig() reports name, value and rule of every error at once", () => {
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

Deno.test("readConfig() rejects an invalid value of every setting, with name, value and rule", () => {
  const name200 = "1 to 200 of A-Z a-z 0-9 _ . : - and must not begin with amq.";
  const ms = "a whole number of milliseconds from";
  const bad: Record<SettingName, { right: string; values: string[] }> = {
    RABBITMQ_URL: {
      right: "a URL such as amqp://guest:***@127.0.0.1:5672",
      values: ["localhost", "amqp://", "amqp://host:99999", "amqp://a host", 'amqp://a"b'],
    },
    DEAD_LETTER_RABBITMQ_URL: { right: "a URL such as amqp://127.0.0.1:5672", values: ["127.0.0.1"] },
    TOPOLOGY: { right: "one of declare, check, provisioned", values: ["create", "Check"] },
    EVENTS_EXCHANGE: { right: name200, values: ["amq.topic", "a b", " ", "x\n"] },
    EVENTS_QUEUE: { right: name200, values: ["amq.gen", "ü", "x".repeat(201).slice(0, 200) + "y"] },
    EVENTS_SHARDS: { right: "a whole number from 1 to 32", values: ["0", "33", "two"] },
    EVENTS_SHARDS_TAKEN: {
      right: "whole numbers from 0 to 31 with commas between them, each once",
      values: ["32", "all", "0,,1", "1 2", "-1", "1.5", "1,01"],
    },
    DEAD_LETTER_QUEUE: { right: name200, values: ["a/b"] },
    DEAD_LETTER_KEEPER: { right: "one of on, off", values: ["yes", "On"] },
    EVENTS_PARTITION_DAYS: { right: "a whole number from 1 to 31", values: ["0", "32", "a week"] },
    EVENTS_RETENTION_DAYS: { right: "a whole number from 0 to 36500", values: ["-1", "36501", "ever"] },
    DEAD_LETTER_RETENTION_DAYS: { right: "a whole number from 0 to 36500", values: ["-1", "36501", "for ever"] },
    PREFETCH: {
      right: "a whole number from 1 to 10000",
      values: ["0", "10001", "-1", "1e3", "2.5", "0x10", " 5", "∞"],
    },
    BATCH_SIZE: { right: "a whole number from 1 to 2000", values: ["0", "2001", "many", "9".repeat(150)] },
    REDIS_URL: {
      right: "a URL such as redis://127.0.0.1:6379",
      values: ["127.0.0.1:6379", "redis:///0"],
    },
    REDIS_KEY_PREFIX: { right: "up to 64 of A-Z a-z 0-9 _ : . -", values: ["{braces}", "x".repeat(65), "a*"] },
    DATABASE_URL: {
      right: "a URL such as postgres://casino:***@127.0.0.1:5432/casino",
      values: ["casino", "host=localhost dbname=casino"],
    },
    DATABASE_TIMEOUT_MS: { right: `${ms} 100 to 600000`, values: ["99", "600001", "10s"] },
    RATES_API_ADDRESS: {
      right: "host:port, for example 127.0.0.1:50051",
      values: ["host", "host:0", "host:65536", "host:70000", "http://host:1", ":1", "a:b:1", "[::1]"],
    },
    RATES_API_TLS: { right: "one of off, on, public", values: ["yes", "true"] },
    RATES_API_PROXY: { right: "host:port, for example 127.0.0.1:50051", values: ["http://proxy:3128", "proxy"] },
    RATES_API_OLD_KEY: { right: "1 to 512 visible ASCII characters", values: ["with space"] },
    RATES_CONTROL_KEY: { right: "16 to 512 visible ASCII characters", values: ["short", "with space in it, long"] },
    RATES_API_KEY: { right: "1 to 512 visible ASCII characters", values: ["with space", "ü", "x".repeat(513)] },
    RATES_TTL_MS: { right: `${ms} 100 to 86400000`, values: ["99", "86400001", "1m"] },
    RATES_CALL_TIMEOUT_MS: { right: `${ms} 10 to 60000`, values: ["9", "60001"] },
    RATES_LOCK_TTL_MS: { right: `${ms} 20 to 120000`, values: ["19", "120001", "3s"] },
    RATES_WAIT_MS: { right: `${ms} 30 to 600000`, values: ["29", "600001", "soon"] },
    RATES_MAX_STALE_MS: { right: `${ms} 0 to 86400000`, values: ["-1", "86400001"] },
    SHUTDOWN_GRACE_MS: { right: `${ms} 0 to 600000`, values: ["-1", "600001"] },
    SUBSCRIBER_ID: { right: "1 to 64 of A-Z a-z 0-9 _ . -", values: ["a b", "x".repeat(65), "a/b"] },
    HTTP_TOKENS_FILE: { right: "a file that can be read (ENOENT)", values: ["/nowhere/tokens"] },
    HTTP_TLS: { right: "one of off, on", values: ["yes", "public"] },
    HTTP_PROTECTED_BY: { right: "one of itself, tls-proxy, proxy", values: ["nobody", "no"] },
    HTTP_ALLOWED_HOSTS: {
      right: "comma-separated host names without ports, such as events.example,10.0.0.7",
      values: ["events.example:8080", "http://events.example", "*", "a b", "a.example,", ".example"],
    },
    HTTP_TRUSTED_PROXIES: {
      right: "comma-separated IP addresses or networks, such as 127.0.0.1,10.0.0.0/8,fd00::/8",
      values: ["proxy.example", "10.0.0.0/33", "::/129", "10.0.0.1,", "10.0.0.0/8/8", "10.0.0.0/x", "1.2.3"],
    },
    TLS_CA_FILE: { right: "a file that can be read (ENOENT)", values: ["/nowhere/ca.pem"] },
    TLS_CERT_FILE: { right: "a file that can be read (ENOENT)", values: ["/nowhere/tls.crt"] },
    TLS_KEY_FILE: { right: "a file that can be read (ENOENT)", values: ["/nowhere/tls.key"] },
    ALLOW_PLAINTEXT: { right: "one of no, yes", values: ["true", "YES"] },
    LOG_LEVEL: { right: "one of debug, info, warning, error", values: ["INFO", "loud", "warn"] },
  };
  for (const [name, { right, values }] of Object.entries(bad)) {
    for (const value of values) {
      // A key, or a text that may contain a password: redis:///0 names no server, and a:b:1 may be user and password.
      const shown = /_(KEY|URL)$/.test(name) || value === "a:b:1"
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

Deno.test("readConfig() rejects a URL with control characters, which URL would skip or escape", () => {
  for (const url of ["\x01redis://host", "redis://u\x1bs:p@host", "redis://host/0\x7f"]) {
    strictEqual(problemsOf({ REDIS_URL: url })[0]?.includes("must be a URL such as redis://127.0.0.1:6379"), true, url);
  }
});

Deno.test("readConfig() accepts the minimum and the maximum of its rules", () => {
  let bounded = 0;
  for (const name of settingNames) {
    const bounds = / from (\d+) to (\d+)$/.exec(problemsOf({ [name]: "none" })[0] ?? "");
    if (bounds) bounded++;
    for (const value of bounds?.slice(1) ?? []) strictEqual(readOne(name, value), Number(value), name);
  }
  strictEqual(bounded, 13);
});

Deno.test("readConfig() accepts the examples of the servers' documentation", () => {
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

Deno.test("readConfig() limits the taken shards to EVENTS_SHARDS and PREFETCH", () => {
  deepStrictEqual(problemsOf({ EVENTS_SHARDS: "4", EVENTS_SHARDS_TAKEN: "3, 0", PREFETCH: "4" }), []);
  deepStrictEqual(problemsOf({ EVENTS_SHARDS_TAKEN: "0,1" }), [
    "EVENTS_SHARDS=1 must exceed each number of EVENTS_SHARDS_TAKEN=0,1: the first is 0",
  ]);
  deepStrictEqual(problemsOf({ EVENTS_SHARDS: "4", PREFETCH: "3" }), [
    "EVENTS_SHARDS=4 must not exceed PREFETCH=3, which the shards divide",
  ]);
});

Deno.test("readConfig() checks that call timeout, lock and wait are consistent", () => {
  deepStrictEqual(problemsOf({ RATES_CALL_TIMEOUT_MS: "3000", RATES_LOCK_TTL_MS: "2000", RATES_WAIT_MS: "2000" }), [
    "RATES_LOCK_TTL_MS=2000 must exceed RATES_CALL_TIMEOUT_MS=3000",
    "RATES_WAIT_MS=2000 must exceed RATES_LOCK_TTL_MS=2000",
  ]);
  deepStrictEqual(problemsOf({ RATES_LOCK_TTL_MS: "2000" }), [
    "RATES_LOCK_TTL_MS=2000 must exceed RATES_CALL_TIMEOUT_MS=2000",
  ]);
  deepStrictEqual(problemsOf({ RATES_LOCK_TTL_MS: "2001", RATES_WAIT_MS: "2002" }), []);
  // A member that does not read the other setting cannot compare the two.
  strictEqual(readConfig(["RATES_LOCK_TTL_MS"], () => "20").RATES_LOCK_TTL_MS, 20);
});

Deno.test("describeSettings() explains every setting", () => {
  for (const { name, help } of describeSettings(settingNames)) strictEqual(help.length > 10, true, name);
});

Deno.test("variablesOf() lists all variables of a setting", () => {
  deepStrictEqual(variablesOf(["PREFETCH", "RATES_API_KEY"]), ["PREFETCH", "RATES_API_KEY", "RATES_API_KEY_FILE"]);
  deepStrictEqual(variablesOf(["REDIS_URL"]), [
    ...["REDIS_URL", "REDIS_URL_FILE", "TLS_CA_FILE", "TLS_CERT_FILE", "TLS_KEY_FILE", "ALLOW_PLAINTEXT"],
  ]);
});
