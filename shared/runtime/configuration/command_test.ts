import { deepStrictEqual, doesNotMatch, match, strictEqual, throws } from "node:assert/strict";
import {
  type CommandSpec,
  type Description,
  type Flag,
  parseCommand,
  runCommand,
  UsageError,
  version,
} from "./command.ts";
import { ConfigError, describeSettings } from "./config.ts";

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

Deno.test("parseCommand() parses flags by type", () => {
  const { flags } = parsed(["-n", "3", "--share", "0.25", "--kind", "b", "--quiet"]);
  deepStrictEqual(flags, { count: 3, share: 0.25, kind: "b", quiet: true });
  deepStrictEqual(parsed([]).flags, { count: undefined, share: undefined, kind: undefined, quiet: false });
  deepStrictEqual(parsed(["--count=10", "--share=1", "--count=1"]).flags.count, 1, "the last one counts");
});

Deno.test("parseCommand() accepts operands only for commands that have some", () => {
  const withOperands = { ...spec, operands: "<list|show>" };
  const invocation = parseCommand(withOperands, ["list", "--quiet", "--", "-x"], () => undefined, () => "");
  deepStrictEqual(typeof invocation === "object" && invocation.operands, ["list", "-x"]);
  match(
    String(parseCommand(withOperands, ["-h"], () => undefined, () => "")),
    /^deno task thing \[flags\] <list\|show>$/m,
  );
});

Deno.test("parseCommand() explains an invalid flag", () => {
  const cases: [string[], RegExp][] = [
    [["--count", "11"], /--count=11 must be a whole number from 1 to 10/],
    [["--count", "0"], /--count=0 must be a whole number from 1 to 10/],
    [["--count", "1.5"], /--count=1.5 must be/],
    [["--count", "1e1"], /--count=1e1 must be/],
    [["--count="], /--count= must be/],
    [["--count=-5"], /--count=-5 must be/],
    [["--count", "-5"], /^Option '--count' argument is ambiguous\. .* use '--count=-XYZ'\.$/],
    [["--quiet=yes"], /'--quiet' does not take an argument/],
    [["--share", "0x1"], /--share=0x1 must be a decimal from 0 to 1/],
    [["--share", "1e-1"], /--share=1e-1 must be a decimal/],
    [["--share", "1.1"], /--share=1.1 must be a decimal from 0 to 1/],
    [["--kind", "c"], /--kind=c must be one of a, b/],
    [["--bogus"], /^Unknown option '--bogus'$/],
    [["--versoin"], /^Unknown option '--versoin': did you mean --version\?$/],
    [["-x"], /^Unknown option '-x'$/],
    [["--env-file"], /'--env-file <value>' argument missing/],
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
  const [prefetch, key] = describeSettings(["PREFETCH", "RATES_API_KEY"]).map(({ help }) => help);
  const help = `deno task thing [flags]

Does a thing.

Flags:
  -n, --count N    how many
  --share P        a share
  --kind KIND      which
  --quiet          no output
  --env-file FILE  read variables from FILE; the environment's variables win
  -h, --help       show this help
  --version        show the version

Environment [default]:
  PREFETCH       ${prefetch} [2000]
  RATES_API_KEY  ${key} [development-key]

Examples:
  deno task thing --count 3

Exit status: 0 done, 1 failed or partly failed, 2 wrong usage or configuration.`;
  strictEqual(parse(["--help"]), help);
  strictEqual(parse(["-h"], { PREFETCH: "wrong" }), help, "what is wrong in the environment does not hide the help");
  strictEqual(parse(["--version"]), version);
});

Deno.test("parseCommand() prints the command's variables for programs", () => {
  const { variables } = JSON.parse(String(parse(["--describe"]))) as Description;
  deepStrictEqual(variables, ["PREFETCH", "RATES_API_KEY", "RATES_API_KEY_FILE"]);
});

Deno.test("parseCommand() offers no --env-file to a command without settings", () => {
  const bare = { ...spec, settings: [] } as const;
  const ask = (...args: string[]) => parseCommand(bare, args, () => undefined, () => "");
  doesNotMatch(String(ask("--help")), /--env-file/);
  throws(() => ask("--env-file", ".env"), /Unknown option '--env-file'/);
});

Deno.test("parseCommand() prefers the environment over the file, and the file over the defaults", () => {
  const files = { ".env": "PREFETCH=7\n# a comment\nRATES_API_KEY='from the file'\n" };
  throws(() => parsed(["--env-file", ".env"], {}, files), ConfigError, "the key has a space");
  deepStrictEqual(parsed(["--env-file", ".env"], { RATES_API_KEY: "own" }, files).config, {
    PREFETCH: 7,
    RATES_API_KEY: "own",
  });
  strictEqual(parsed(["--env-file", ".env"], { RATES_API_KEY: "own", PREFETCH: "8" }, files).config.PREFETCH, 8);
  const empty = { RATES_API_KEY: "own", PREFETCH: "" };
  strictEqual(
    parsed(["--env-file", ".env"], empty, files).config.PREFETCH,
    7,
    "an empty variable is one that is unset",
  );
  strictEqual(parsed([], { RATES_API_KEY: "own" }, files).config.PREFETCH, 2_000, "no file is read unasked");
  throws(
    () => parsed(["--env-file", ".env"], {}, { ".env": "PREFETCH=none" }),
    (error: unknown) =>
      error instanceof ConfigError && error.message === "PREFETCH=none must be a whole number from 1 to 10000",
  );
});

Deno.test("runCommand() exits with main's result, 1 for an error and 2 for wrong usage, with one sentence each", async () => {
  const bare = { ...spec, settings: [] } as const;
  const run = (args: string[], main: () => Promise<number>) => captured(() => runCommand(bare, main, args));
  deepStrictEqual(await run([], () => Promise.resolve(0)), { status: 0, out: [], err: [] });
  deepStrictEqual(await run([], () => Promise.resolve(1)), { status: 1, out: [], err: [] });
  deepStrictEqual(await run(["--version"], () => Promise.reject(new Error("unreached"))), {
    status: 0,
    out: [version],
    err: [],
  });
  deepStrictEqual(await run(["--bogus"], () => Promise.resolve(0)), {
    status: 2,
    out: [],
    err: ["Unknown option '--bogus'\nSee deno task thing --help."],
  });
  deepStrictEqual(await run([], () => Promise.reject(new Error("amqp://u:secret@host said no"))), {
    status: 1,
    out: [],
    err: ["amqp://u:***@host said no"],
  });
  // node:net throws this when a name has several addresses and none answers. The outer message is empty.
  const refused = new AggregateError([
    new Error("connect ECONNREFUSED ::1:1"),
    new Error("connect ECONNREFUSED 127.0.0.1:1"),
  ]);
  deepStrictEqual((await run([], () => Promise.reject(refused))).err, [
    "connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1",
  ]);
});

interface Captured {
  readonly status: number;
  readonly out: string[];
  readonly err: string[];
}

/** Returns the console output of `run` and its exit status. */
async function captured(run: () => Promise<never>): Promise<Captured> {
  const [exit, log, error] = [Deno.exit, console.log, console.error];
  const [out, err]: [string[], string[]] = [[], []];
  const left = Symbol("left");
  let status = -1;
  try {
    Deno.exit = (code) => {
      status = code ?? 0;
      throw left;
    };
    console.log = (text) => void out.push(text);
    console.error = (text) => void err.push(text);
    await run();
  } catch (thrown) {
    if (thrown !== left) throw thrown;
  } finally {
    Deno.exit = exit;
    console.log = log;
    console.error = error;
  }
  return { status, out, err };
}
