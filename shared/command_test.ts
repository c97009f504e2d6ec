import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import { type CommandSpec, type Flag, parseCommand, UsageError } from "./command.ts";
import { ConfigError } from "./config.ts";

const spec = {
  name: "deno task thing",
  summary: "Does a thing.",
  flags: {
    count: { short: "n", value: "N", help: "how many", integer: { min: 1, max: 10 } },
    share: { value: "P", help: "a share", decimal: { min: 0, max: 1 } },
    kind: { value: "KIND", help: "which", choices: ["a", "b"] },
    quiet: { help: "no output" },
  },
  settings: ["PREFETCH", "RATES_API_KEY"],
  examples: ["deno task thing --count 3"],
} as const satisfies CommandSpec<Record<string, Flag>, "PREFETCH" | "RATES_API_KEY">;

function parse(args: string[], env: Record<string, string> = {}, files: Record<string, string> = {}) {
  return parseCommand(spec, args, (name) => env[name], (path) => {
    if (files[path] === undefined) throw new Error("No such file");
    return files[path];
  });
}

function parsed(...args: Parameters<typeof parse>) {
  const invocation = parse(...args);
  if (typeof invocation === "string") throw new Error(invocation);
  return invocation;
}

Deno.test("parseCommand() reads flags by their types", () => {
  const { flags } = parsed(["-n", "3", "--share", "0.25", "--kind", "b", "--quiet"]);
  deepStrictEqual(flags, { count: 3, share: 0.25, kind: "b", quiet: true });
  deepStrictEqual(parsed([]).flags, { count: undefined, share: undefined, kind: undefined, quiet: false });
});

Deno.test("parseCommand() says what is wrong with a flag", () => {
  const cases: [string[], RegExp][] = [
    [["--count", "11"], /--count=11 must be a whole number from 1 to 10/],
    [["--count", "1.5"], /--count=1.5 must be/],
    [["--share", "1.1"], /--share=1.1 must be a decimal from 0 to 1/],
    [["--kind", "c"], /--kind=c must be one of a, b/],
    [["--bogus"], /Unknown option '--bogus'/],
    [["--count"], /argument missing/],
    [["stray"], /takes no operand, but was given "stray"/],
    [["--env-file", "missing"], /--env-file=missing cannot be read: No such file/],
  ];
  for (const [args, message] of cases) {
    throws(
      () => parse(args),
      (error: unknown) => error instanceof UsageError && message.test(error.message),
      args.join(" "),
    );
  }
});

Deno.test("parseCommand() lists flags, variables with defaults, examples and exit statuses in its help", () => {
  const help = String(parse(["--help", "--bogus-is-not-reached"].slice(0, 1)));
  for (
    const part of [
      /deno task thing \[flags\]/,
      /-n, --count N +how many/,
      /PREFETCH +.*\[2000\]/,
      /deno task thing --count 3/,
      /Exit status: 0 done/,
    ]
  ) {
    match(help, part);
  }
  strictEqual(parse(["-h"]), help);
  match(String(parse(["--version"])), /^\d+\.\d+\.\d+$/);
});

Deno.test("parseCommand() lays the environment over the file, and the file over the defaults", () => {
  const files = { ".env": "PREFETCH=7\n# a comment\nRATES_API_KEY='from the file'\n" };
  throws(() => parsed(["--env-file", ".env"], {}, files), ConfigError, "the key has a space");
  deepStrictEqual(parsed(["--env-file", ".env"], { RATES_API_KEY: "own" }, files).config, {
    PREFETCH: 7,
    RATES_API_KEY: "own",
  });
  strictEqual(parsed(["--env-file", ".env"], { RATES_API_KEY: "own", PREFETCH: "8" }, files).config.PREFETCH, 8);
});
