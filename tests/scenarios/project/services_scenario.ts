/** `up` and `down` on private servers, from a copy of the project in a path with a space; and how they run programs. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { freePort } from "../../../tools/demo/members.ts";
import { catalogue } from "../../../tools/migrate/catalogue.ts";
import { shadowProgram } from "../../harness/checkout.ts";
import { project } from "../../harness/world.ts";
import { endOf, ProgramError, runProgram, succeeds } from "../../../tools/run_program.ts";
import { copyProject, TemporaryFolder } from "../../harness/temporary.ts";

async function run(
  cwd: string,
  env: Record<string, string>,
  ...args: string[]
): Promise<{ code: number; out: string }> {
  const options = { cwd, env: { ...env, NO_COLOR: "1" } };
  const { code, output } = await endOf(Deno.execPath(), ["task", "--quiet", ...args], options);
  return { code, out: output };
}

async function withCopy(use: (copy: string) => Promise<void>): Promise<void> {
  await using parent = await TemporaryFolder.make("a path with a space ");
  const copy = join(parent.path, "the project");
  await copyProject(copy);
  // Servers run as their own users, which must be able to read the folder.
  await Deno.chmod(parent.path, 0o755);
  await use(copy);
}

function freeAddresses(): Record<string, string> {
  return {
    RABBITMQ_URL: `amqp://guest:guest@127.0.0.1:${freePort()}`,
    REDIS_URL: `redis://127.0.0.1:${freePort()}`,
    DATABASE_URL: `postgres://casino:casino@127.0.0.1:${freePort()}/casino`,
  };
}

Deno.test("up starts missing servers once; down stops only those; the data stays until it is deleted", async () => {
  await using _ = await shadowProgram("docker", "exit 1");
  await withCopy(async (copy) => {
    const env = freeAddresses();
    const up = await run(copy, env, "up");
    strictEqual(up.code, 0, up.out);
    for (const title of ["RabbitMQ", "Redis", "Postgres"]) {
      match(up.out, new RegExp(`${title} [\\d.].* started at 127\\.0\\.0\\.1:\\d+`));
    }
    try {
      const again = await run(copy, env, "up");
      strictEqual(again.code, 0);
      for (const title of ["RabbitMQ", "Redis", "Postgres"]) {
        match(again.out, new RegExp(`${title} [\\d.].* answers at`));
      }
      match((await run(copy, env, "migrate")).out, new RegExp(`Applied ${catalogue.size} migrations`));
    } finally {
      const down = await run(copy, env, "down");
      strictEqual(down.code, 0, down.out);
      for (const title of ["RabbitMQ", "RabbitMQ's epmd", "Redis", "Postgres"]) {
        match(down.out, new RegExp(`Stopped ${title} \\(pid \\d+\\)`));
      }
    }
    for (const url of Object.values(env)) strictEqual(await isListening(url), false, url);
    deepStrictEqual(await run(copy, env, "down"), {
      code: 0,
      out: "No server that `deno task up` started is running.\n",
    });

    await run(copy, env, "up");
    match((await run(copy, env, "migrate")).out, /The database is up to date/);
    match((await run(copy, env, "down", "--delete-data")).out, /Removed /);
  });
});

Deno.test("up reports that another program uses a port, and starts nothing", async () => {
  const stranger = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answering = (async () => {
    for await (const connection of stranger) {
      await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")).catch(() => {});
      connection.close();
    }
  })();
  try {
    const address = `127.0.0.1:${stranger.addr.port}`;
    for (
      const [title, setting, scheme] of [
        ["RabbitMQ", "RABBITMQ_URL", "amqp"],
        ["Redis", "REDIS_URL", "redis"],
        ["Postgres", "DATABASE_URL", "postgres"],
      ] as const
    ) {
      const env = { ...freeAddresses(), [setting]: `${scheme}://casino:casino@${address}` };
      const { code, out } = await run(project, env, "up");
      strictEqual(code, 1, out);
      const [problem, cure] = [
        "cannot be used at",
        `Stop the program at that address, or set ${setting} to another address`,
      ];
      match(out, new RegExp(`${title} ${problem} ${address}: .*${cure}`, "s"));
    }
  } finally {
    stranger.close();
    await answering;
  }
});

async function isListening(url: string): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) })).close();
    return true;
  } catch {
    return false;
  }
}

const sh = (script: string, options = {}) => runProgram("sh", ["-c", script], options);

Deno.test("runProgram() passes stdin to the program, and returns its stdout", async () => {
  strictEqual(await sh("cat; echo no more >&2", { input: "all\n" }), "all\n");
  strictEqual(await sh("cat"), "");
  strictEqual(await sh('echo "$GIVEN $PWD"', { cwd: "/", env: { GIVEN: "a" } }), "a /\n");
});

Deno.test("runProgram() names a failed program, its exit code and the end of its output", async () => {
  await rejects(sh("seq 20; echo spoken >&2; exit 3"), (error) => {
    strictEqual(error instanceof ProgramError, true);
    match((error as Error).message, /^sh failed \(exit code 3\):\n14\n(\d+\n)*spoken$/);
    return true;
  });
  await rejects(runProgram("no-such-program", []), /^ProgramError: no-such-program could not be run: /);
});

Deno.test("runProgram() stops a program at its deadline", async () => {
  await rejects(
    sh("echo begun; exec sleep 60", { deadlineMs: 100 }),
    /^ProgramError: sh did not end within 100 ms:\nbegun$/,
  );
});

Deno.test("endOf() and succeeds() return how a program ended", async () => {
  const { success, code, output } = await endOf("sh", ["-c", "echo b >&2; echo a; exit 2"]);
  deepStrictEqual({ success, code, output }, { success: false, code: 2, output: "a\nb\n" });
  deepStrictEqual(await Promise.all([succeeds("true", []), succeeds("false", []), succeeds("no-such-program", [])]), [
    true,
    false,
    false,
  ]);
});
