/** The completions as a shell would make them. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { plants } from "../../simulation/plants.ts";
import { project } from "../../harness/world.ts";

async function runTask(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "completions", ...args],
    cwd: project,
    env: { NO_COLOR: "1" },
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** Calls the function that is registered for deno as bash does when Tab is pressed at the end of each line. */
async function complete(script: string, lines: readonly string[], setup = ""): Promise<string[][]> {
  const ask = `
${setup}
${script}
${script}
[[ $(complete -p deno) == "complete -o default -F _casino_tasks deno" ]] || exit 1
COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
while IFS= read -r line; do
  COMP_LINE=$line COMP_POINT=\${#line} COMPREPLY=()
  _casino_tasks deno
  echo "\${COMPREPLY[*]}"
done`;
  const bash = new Deno.Command("bash", { args: ["--norc", "-c", ask], cwd: project, stdin: "piped", stdout: "piped" })
    .spawn();
  const writer = bash.stdin.getWriter();
  await writer.write(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
  await writer.close();
  const { success, stdout } = await bash.output();
  strictEqual(success, true);
  return new TextDecoder().decode(stdout).split("\n").slice(0, -1).map((line) => line.split(" "));
}

Deno.test("bash completes tasks, flags, operands and values", async () => {
  const { code, stdout: script } = await runTask("bash");
  strictEqual(code, 0);
  const { tasks } = JSON.parse(await Deno.readTextFile(join(project, "deno.json")));
  const none = [""];
  const expected: [string, string[]][] = [
    ["deno task ", Object.keys(tasks)],
    ["deno task pub", ["publisher"]],
    ["deno task --quiet pub", ["publisher"]],
    // What stands before the colon is a word of its own to readline, and stays.
    ["deno task migrate:", ["down", "status", "new"]],
    ["deno task rates-api:c", ["control"]],
    ["deno task publisher --se", ["--seed"]],
    ["deno task dead ", ["list", "show", "replay", "drop"]],
    ["deno task dead list --js", ["--json"]],
    ["deno task dead --json l", ["list"]],
    ["deno task migrate:status --", [
      "--steps",
      "--all",
      "--json",
      "--wait",
      "--folder",
      "--env-file",
      "--help",
      "--version",
    ]],
    // The task itself gives the operand.
    ["deno task up ", ["--delete-data", "--env-file", "--help", "-h", "--version"]],
    ["deno task rates-api:control s", ["set", "stats"]],
    ["deno task simulate --plant ack", Object.keys(plants).filter((name) => name.startsWith("ack"))],
    ["deno task simulate --plant=ack", Object.keys(plants).filter((name) => name.startsWith("ack"))],
    ["deno task simulate --seeds ", none],
    ["deno task publisher --input samples/", ["samples/events.ndjson"]],
    ["deno task publisher -i samples/", ["samples/events.ndjson"]],
    ["deno task up --env-file deno.j", ["deno.json"]],
    ["deno task nobodys --", none],
    ["deno run ", none],
  ];
  const replies = await complete(script, expected.map(([line]) => line));
  deepStrictEqual(expected.map(([line], i) => [line, replies[i]]), expected);
});

Deno.test("bash completes by whoever did so before what is none of the project's tasks", async () => {
  const { stdout: script } = await runTask("bash");
  const before = `_denos_own() { COMPREPLY=("of $1"); }\ncomplete -F _denos_own deno`;
  const replies = await complete(script, ["deno ru", "deno task nobodys ", "deno task --he", "deno task dem"], before);
  deepStrictEqual(replies, [["of", "deno"], ["of", "deno"], ["of", "deno"], ["demo"]]);
});

Deno.test("completions names every task in the scripts for zsh and fish, too, and refuses other shells", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(project, "deno.json")));
  for (const shell of ["zsh", "fish"]) {
    const { code, stdout } = await runTask(shell);
    strictEqual(code, 0);
    for (const task of Object.keys(tasks)) strictEqual(stdout.replaceAll("\\:", ":").includes(`'${task}`), true, task);
  }
  const { code, stderr } = await runTask("tcsh");
  strictEqual(code, 2);
  match(stderr, /"tcsh" must be one of bash, zsh, fish/);
});
