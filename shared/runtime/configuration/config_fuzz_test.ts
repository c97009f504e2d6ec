import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { redact } from "../secrets.ts";
import { type Config, ConfigError, readConfig, type SettingName, settingNames } from "./config.ts";

type Value = Config[SettingName];

const urls: Partial<Record<SettingName, string[]>> = {
  RABBITMQ_URL: ["amqp://", "amqps://"],
  DEAD_LETTER_RABBITMQ_URL: ["amqp://", "amqps://"],
  REDIS_URL: ["redis://", "rediss://"],
  DATABASE_URL: ["postgres://", "postgresql://"],
};
const texts: Partial<Record<SettingName, { least: number; most: number; of: string }>> = {
  EVENTS_EXCHANGE: { least: 1, most: 200, of: "_.:-" },
  EVENTS_QUEUE: { least: 1, most: 200, of: "_.:-" },
  DEAD_LETTER_QUEUE: { least: 1, most: 200, of: "_.:-" },
  REDIS_KEY_PREFIX: { least: 0, most: 64, of: "_.:-" },
  SUBSCRIBER_ID: { least: 1, most: 64, of: "_.-" },
  HTTP_TOKEN: { least: 16, most: 512, of: "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" },
  RATES_API_OLD_KEY: { least: 1, most: 512, of: "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" },
  RATES_API_KEY: { least: 1, most: 512, of: "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" },
};
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Whether the value is what the README's table and the setting's own refusal say that it must be. */
function isRight(name: SettingName, text: string, value: Value): boolean {
  const limits = texts[name];
  if (limits) {
    const { least, most, of } = limits;
    return value === text && text.length >= least && text.length <= most &&
      [...text].every((char) => (letters + of).includes(char)) && !(most === 200 && text.startsWith("amq."));
  }
  const schemes = urls[name];
  if (schemes) {
    return value === text && schemes.some((scheme) => text.toLowerCase().startsWith(scheme)) && URL.canParse(text) &&
      // deno-lint-ignore no-control-regex
      new URL(text).hostname !== "" && !/[\x00-\x20\x7f"]/.test(text) &&
      (name !== "DATABASE_URL" || /^(disable|verify-full|)$/.test(new URL(text).searchParams.get("sslmode") ?? ""));
  }
  const choices: Partial<Record<SettingName, string[]>> = {
    LOG_LEVEL: ["debug", "info", "warning", "error"],
    TOPOLOGY: ["declare", "check"],
    RATES_API_TLS: ["off", "on", "public"],
    ALLOW_PLAINTEXT: ["no", "yes"],
  };
  if (choices[name]) return value === text && choices[name].includes(text);
  if (name === "RATES_API_ADDRESS") {
    const port = Number(text.slice(text.lastIndexOf(":") + 1));
    return value === text && text.lastIndexOf(":") > 0 && port >= 1 && port <= 65_535 && !/[\s/@]/.test(text);
  }
  if (name === "RETRY_DELAYS_MS") {
    return String(value) === text.split(",").map(Number).join() && text.split(",").length <= 10 &&
      text.split(",").every((part) => Number(part) >= 10 && Number(part) <= 86_400_000 && /^\s*\d+\s*$/.test(part));
  }
  const [, min, max] = / from (\d+) to (\d+)$/.exec(problemsOf({ [name]: "none" })[0]!)!;
  return [...text].every((char) => "0123456789".includes(char)) && BigInt(text) === BigInt(Number(value)) &&
    Number(value) >= Number(min) && Number(value) <= Number(max);
}

/** Plaintext is allowed where nothing else is said, and a key is there: config_secrets_test.ts is about that. */
function environmentOf(env: Partial<Record<SettingName, string>>) {
  const otherwise: Record<string, string> = { ALLOW_PLAINTEXT: "yes", RATES_API_KEY: "a-key-of-the-test" };
  return (name: string) => env[name as SettingName] ?? otherwise[name];
}

function noFile(): never {
  throw new Error("ENOENT");
}

function problemsOf(env: Partial<Record<SettingName, string>>): readonly string[] {
  try {
    readConfig(settingNames, environmentOf(env), noFile);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

const hostile = fc.constantFrom(..." \t\n\r\0\x01\x1b\x7f\"'/?#@:%[]\\.-_=&0159aZéü€💶\u2028\ufeff");
const valid = fc.constantFrom(
  "a".repeat(64),
  "a".repeat(200),
  ...("amqp://guest:guest@127.0.0.1:5672 amqps://broker.example/v?heartbeat=5 redis://:p%40@[::1]:6379/1 rediss://cache " +
    "postgresql://u:p@db.example/casino?search_path=a POSTGRES://db 127.0.0.1:50051 [::1]:65535 host:0 host:65536 info " +
    "warning check on yes casino.events amq.topic 1 10 100 2000 3000 60000 86400000 86400001 1000,2000 1,2").split(" "),
);
const mutated = fc.tuple(
  valid,
  fc.array(fc.tuple(fc.nat(), fc.nat({ max: 2 }), fc.string({ unit: hostile, maxLength: 3 })), { maxLength: 3 }),
)
  .map(([text, edits]) =>
    edits.reduce((before, [at, cut, added]) => {
      const place = at % (before.length + 1);
      return before.slice(0, place) + added + before.slice(place + cut);
    }, text)
  );
const anyText = fc.oneof(
  { weight: 6, arbitrary: mutated },
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.nat({ max: 100_000_000 }).map(String),
);
const anyName = fc.constantFrom(...settingNames);

Deno.test("readConfig() gives the value that it was given, in its range, or names the variable, for 25,000 texts", () => {
  const counts = { right: 0, wrong: 0 };
  fc.assert(
    fc.property(anyName, anyText, (name, text) => {
      const problems = problemsOf({ [name]: text });
      for (const problem of problems) ok(!/\p{Cc}/u.test(problem) && problem.length < 500, problem);
      counts[problems.length > 0 ? "wrong" : "right"]++;
      const own = problems.filter((problem) => !problem.includes(" of no use without "));
      if (problems.length > 0) ok(own.length === 1 && own[0]!.includes(`${name}=`), problems.join());
      else ok(text === "" || isRight(name, text, readConfig([name], environmentOf({ [name]: text }))[name]), text);
    }),
    { numRuns: 25_000 },
  );
  ok(counts.right > 2_000 && counts.wrong > 2_000, JSON.stringify(counts));
});

Deno.test("readConfig() names in 5,000 environments each variable that is wrong by itself, and no other", () => {
  fc.assert(
    fc.property(fc.dictionary(anyName, anyText, { noNullPrototype: true }), (env) => {
      const wrong = settingNames.filter((name) => name in env && problemsOf({ [name]: env[name]! }).length > 0);
      const ofOne = (problem: string) => !/ must exceed | of no use without | unencrypted: /.test(problem);
      const named = problemsOf(env).filter(ofOne).map((problem) => problem.split("=")[0]);
      const alone = wrong.filter((name) => ofOne(problemsOf({ [name]: env[name]! })[0]!));
      deepStrictEqual(named, alone);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("readConfig() and redact() show no password in 20,000 texts that may be URLs", () => {
  const hidden = "hunter2hunter2";
  const parameter = fc.constantFrom("password", "pass", "pwd", "secret", "token", "api_key", "apikey", "PASSWORD");
  const withHidden = fc.oneof(
    fc.tuple(mutated, anyText, mutated).map(([before, inner, after]) => `${before}:${hidden}${inner}@${after}`),
    fc.tuple(fc.constantFrom("amqp://", "redis://u", "postgres://u.v"), mutated).map(([before, after]) =>
      `${before}:${hidden}@${after}`
    ),
    fc.tuple(mutated, fc.constantFrom("?", "&"), parameter, mutated).map(([before, mark, name, after]) =>
      `${before}${mark}${name}=${hidden}${after}`
    ),
  );
  let accepted = 0;
  fc.assert(
    fc.property(anyName, withHidden, (name, text) => {
      const problems = problemsOf({ [name]: text });
      if (problems.length === 0) accepted++;
      const shown = problems.length > 0 ? problems.join("\n") : name in urls ? redact(text) : "";
      strictEqual(shown.includes(hidden), false, shown);
    }),
    { numRuns: 20_000 },
  );
  ok(accepted > 300, String(accepted));
});
