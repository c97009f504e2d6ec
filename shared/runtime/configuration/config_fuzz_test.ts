import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { readConfig, type SettingName, settingNames } from "./config.ts";
import { problemsOf } from "../../../tests/fixtures/config_problems.ts";

/** Defaults for the other settings: plaintext is allowed and a key is set. config_secrets_test.ts tests those rules. */
const otherwise = { ALLOW_PLAINTEXT: "yes", RATES_API_KEY: "a-key-of-the-test" };

function problemsWith(env: Partial<Record<SettingName, string>>): readonly string[] {
  return problemsOf({ ...otherwise, ...env });
}

const schemes: Readonly<Record<string, RegExp>> = {
  amqp: /^amqps?:\/\//i,
  redis: /^rediss?:\/\//i,
  postgres: /^postgres(ql)?:\/\//i,
};

/** Whether the value fulfils the rule that the setting's own error message states. */
function isRight(name: SettingName, text: string): boolean {
  const value = readConfig([name], (asked) => ({ ...otherwise, [name]: text })[asked])[name];
  const right = problemsWith({ [name]: "\0" })[0]!.split(" must be ")[1]!;
  const [, min, max] = / from (\d+) to (\d+)(?: with commas .*)?$/.exec(right) ?? [];
  if (min !== undefined) {
    const numbers = Array.isArray(value) ? value : [value];
    return numbers.join() === text.split(",").map(Number).join() && /^\s*\d+\s*(,\s*\d+\s*){0,9}$/.test(text) &&
      numbers.every((number) => number >= Number(min) && number <= Number(max));
  }
  if (right.startsWith("comma-separated host names")) {
    return String(value) === text.replaceAll(/\s*(^|,|$)\s*/g, "$1").toLowerCase() && !/[\s/@]/.test(String(value));
  }
  if (value !== text) return false;
  const [, least = 0, most, others] = /^(?:(\d+)|up) to (\d+) (?:of A-Z a-z 0-9 (\S(?: \S)*)|visible)/.exec(right) ??
    [];
  if (most !== undefined) {
    const allowed = others === undefined ? /^[!-~]*$/ : /^[A-Za-z0-9_.:-]*$/;
    return text.length >= Number(least) && text.length <= Number(most) && allowed.test(text) &&
      !(text.includes(":") && others !== undefined && !others.includes(":")) &&
      !(right.endsWith("begin with amq.") && text.startsWith("amq."));
  }
  const scheme = /^a URL such as (\w+):/.exec(right)?.[1];
  if (scheme !== undefined) {
    const url = new URL(text);
    // deno-lint-ignore no-control-regex -- control characters are what it is about
    return schemes[scheme]!.test(text) && url.hostname !== "" && !/[\x00-\x20\x7f"]/.test(text) &&
      (scheme !== "postgres" || /^(disable|verify-full|)$/.test(url.searchParams.get("sslmode") ?? ""));
  }
  if (right.startsWith("host:port")) {
    const port = Number(text.slice(text.lastIndexOf(":") + 1));
    return text.lastIndexOf(":") > 0 && port >= 1 && port <= 65_535 && !/[\s/@]/.test(text);
  }
  return right.replace("one of ", "").split(", ").includes(text);
}

const hostile = fc.constantFrom(..." \t\n\r\0\x01\x1b\x7f\"'/?#@:%[]\\.-_=&0159aZéü€💶\u2028\ufeff");
const valid = fc.constantFrom(
  "a".repeat(64),
  "a".repeat(200),
  ...("amqp://guest:guest@127.0.0.1:5672 amqps://broker.example/v?heartbeat=5 redis://:p%40@[::1]:6379/1 rediss://cache " +
    "postgresql://u:p@db.example/casino?search_path=a POSTGRES://db postgres://db/x?sslmode=require 127.0.0.1:50051 [::1]:65535 host:0 host:65536 info " +
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

Deno.test("readConfig() returns the given value within its range, or names the variable, for 10,000 texts", () => {
  const counts = { right: 0, wrong: 0 };
  fc.assert(
    fc.property(anyName, anyText, (name, text) => {
      const problems = problemsWith({ [name]: text });
      for (const problem of problems) ok(!/\p{Cc}/u.test(problem) && problem.length < 500, problem);
      counts[problems.length > 0 ? "wrong" : "right"]++;
      const own = problems.filter((problem) => !problem.includes(": set both or neither"));
      if (problems.length > 0) ok(own.length === 1 && own[0]!.includes(`${name}=`), problems.join());
      else ok(text === "" || isRight(name, text), `${name}=${text}`);
    }),
    { numRuns: 10_000 },
  );
  ok(counts.right > 500 && counts.wrong > 500, JSON.stringify(counts));
});

Deno.test("readConfig() names exactly the invalid variables of 1,000 environments", () => {
  fc.assert(
    fc.property(fc.dictionary(anyName, anyText, { noNullPrototype: true }), (env) => {
      const ofOne = (problem: string) =>
        !/ must (not )?exceed | must not both use the name | must differ from |: set both or neither| unencrypted: /
          .test(
            problem,
          );
      const named = problemsWith(env).filter(ofOne).map((problem) => problem.split("=")[0]);
      const wrong = settingNames.filter((name) => name in env && problemsWith({ [name]: env[name]! }).some(ofOne));
      deepStrictEqual(named, wrong);
    }),
    { numRuns: 1_000 },
  );
});
