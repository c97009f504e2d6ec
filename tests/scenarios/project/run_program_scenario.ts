/** tools/run_program.ts, which takes the permission to run programs. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { endOf, ProgramError, runProgram, succeeds } from "../../../tools/run_program.ts";

const sh = (script: string, options = {}) => runProgram("sh", ["-c", script], options);

Deno.test("runProgram() returns what the program wrote to stdout, and gives it what it reads", async () => {
  strictEqual(await sh("cat; echo no more >&2", { input: "all\n" }), "all\n");
  strictEqual(await sh("cat"), "");
  strictEqual(await sh('echo "$GIVEN $PWD"', { cwd: "/", env: { GIVEN: "a" } }), "a /\n");
});

Deno.test("runProgram() of a program that fails names it, its exit code and the end of what it said", async () => {
  await rejects(sh("seq 20; echo spoken >&2; exit 3"), (error) => {
    strictEqual(error instanceof ProgramError, true);
    match((error as Error).message, /^sh failed \(exit code 3\):\n14\n(\d+\n)*spoken$/);
    return true;
  });
  await rejects(runProgram("no-such-program", []), /^ProgramError: no-such-program could not be run: /);
});

Deno.test("runProgram() ends a program at its deadline", async () => {
  await rejects(
    sh("echo begun; exec sleep 60", { deadlineMs: 100 }),
    /^ProgramError: sh did not end within 100 ms:\nbegun$/,
  );
});

Deno.test("endOf() and succeeds() tell how a program ended", async () => {
  const { success, code, output } = await endOf("sh", ["-c", "echo b >&2; echo a; exit 2"]);
  deepStrictEqual({ success, code, output }, { success: false, code: 2, output: "a\nb\n" });
  deepStrictEqual(await Promise.all([succeeds("true", []), succeeds("false", []), succeeds("no-such-program", [])]), [
    true,
    false,
    false,
  ]);
});
