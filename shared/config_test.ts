import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { ConfigError, describeSettings, readConfig, redact, type SettingName, settingNames } from "./config.ts";

function problemsOf(values: Partial<Record<SettingName, string>>): readonly string[] {
  try {
    readConfig(settingNames, (name) => values[name as SettingName]);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

Deno.test("readConfig() has a default for every setting but the subscriber's id, and all of them are valid", () => {
  const config = readConfig(settingNames, () => undefined);
  deepStrictEqual(settingNames.filter((name) => config[name] === undefined), ["SUBSCRIBER_ID"]);
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
    problemsOf({ PREFETCH: "5000", RATES_TTL_MS: "1m", LOG_LEVEL: "loud", RATES_API_ADDRESS: "localhost" }),
    [
      "PREFETCH=5000 must be a whole number from 1 to 2000",
      "RATES_API_ADDRESS=localhost must be host:port, for example 127.0.0.1:50051",
      "RATES_TTL_MS=1m must be a whole number of milliseconds from 100 to 86400000",
      "LOG_LEVEL=loud must be one of debug, info, warning, error",
    ],
  );
});

Deno.test("readConfig() refuses a bad value of every setting", () => {
  const bad: Record<SettingName, string[]> = {
    RABBITMQ_URL: ["localhost", "http://localhost", "amqp://"],
    EVENTS_EXCHANGE: ["amq.topic", "a b", "x".repeat(201)],
    EVENTS_QUEUE: ["amq.gen", "ü"],
    DEAD_LETTER_QUEUE: ["a/b"],
    PREFETCH: ["0", "-1", "1e3", "2.5"],
    WINDOW_SIZE: ["0", "many"],
    REDIS_URL: ["127.0.0.1:6379", "amqp://127.0.0.1"],
    REDIS_KEY_PREFIX: ["{braces}", "x".repeat(65)],
    DATABASE_URL: ["mysql://localhost/x"],
    RATES_API_ADDRESS: ["host:0", "host:70000", "http://host:1", ":1"],
    RATES_API_KEY: ["with space", "ü"],
    RATES_TTL_MS: ["99"],
    RATES_CALL_TIMEOUT_MS: ["5"],
    RATES_LOCK_TTL_MS: ["0"],
    RATES_WAIT_MS: ["soon"],
    RATES_MAX_STALE_MS: ["-1"],
    SHUTDOWN_GRACE_MS: ["600001"],
    SUBSCRIBER_ID: ["a b", "x".repeat(65)],
    LOG_LEVEL: ["INFO"],
  };
  for (const [name, values] of Object.entries(bad)) {
    for (const value of values) {
      match(problemsOf({ [name]: value })[0] ?? "", new RegExp(`^${name}=.* must be `), `${name}=${value}`);
    }
  }
});

Deno.test("readConfig() checks that call timeout, lock and wait fit into each other", () => {
  deepStrictEqual(problemsOf({ RATES_CALL_TIMEOUT_MS: "3000", RATES_LOCK_TTL_MS: "2000", RATES_WAIT_MS: "2000" }), [
    "RATES_LOCK_TTL_MS=2000 must exceed RATES_CALL_TIMEOUT_MS=3000",
    "RATES_WAIT_MS=2000 must exceed RATES_LOCK_TTL_MS=2000",
  ]);
  throws(() =>
    readConfig(
      ["RATES_CALL_TIMEOUT_MS", "RATES_LOCK_TTL_MS"],
      (name) => name === "RATES_LOCK_TTL_MS" ? "2000" : undefined,
    )
  );
});

Deno.test("readConfig() and redact() never show a password or a key", () => {
  const secret = fc.string({
    minLength: 8,
    maxLength: 30,
    unit: fc.constantFrom(..."abcXYZ019!$&'()*+,;=:%-._~@".split("")),
  });
  fc.assert(
    fc.property(secret, (password) => {
      const shown = problemsOf({ DATABASE_URL: `http://user:${password}@host/db`, RATES_API_KEY: `${password} ` }).join(
        "\n",
      );
      strictEqual(shown.includes(password), false, shown);
      strictEqual(redact(`failed: amqp://u:${password}@host:5672 and more`).includes(password), false);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("describeSettings() explains every setting", () => {
  for (const { name, help } of describeSettings(settingNames)) strictEqual(help.length > 10, true, name);
});
