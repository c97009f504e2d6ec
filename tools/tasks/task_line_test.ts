import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { allowed, expandPermissions, joinPermissions, parseTask } from "./task_line.ts";

Deno.test("parseTask() returns flags, program and arguments", () => {
  deepStrictEqual(parseTask("deno run --allow-net --v8-flags=--a=8,--b=1 tools/migrate/main.ts new --folder x"), {
    flags: ["--allow-net", "--v8-flags=--a=8,--b=1"],
    program: "tools/migrate/main.ts",
    operands: ["new", "x"],
  });
  throws(() => parseTask("deno task up && deno task check"), /does not have the form/);
});

Deno.test("parseTask() expands variables like the task's shell, and unset ones to nothing", () => {
  const line = "deno run --allow-net=127.0.0.1$ALLOW_NET a.ts";
  deepStrictEqual(parseTask(line).flags, ["--allow-net=127.0.0.1"]);
  deepStrictEqual(parseTask(line, { ALLOW_NET: ",a.example:1" }).flags, [
    "--allow-net=127.0.0.1,a.example:1",
  ]);
});

Deno.test("joinPermissions() keeps each permission once", () => {
  deepStrictEqual(joinPermissions(["--allow-env=A,B", "--no-prompt"], ["--allow-env=C", "--allow-run"]), [
    "--allow-env=A,B,C",
    "--no-prompt",
    "--allow-run",
  ]);
  deepStrictEqual(joinPermissions(["--allow-env=A"], ["--allow-env"]), ["--allow-env"]);
  deepStrictEqual(joinPermissions(["--allow-env"], ["--allow-env=A"]), ["--allow-env"]);
});

Deno.test("allowed() distinguishes a list from all and nothing", () => {
  deepStrictEqual(allowed(["--allow-env=A,B"], "env"), ["A", "B"]);
  deepStrictEqual(allowed(["--allow-env=A,B"], "net"), []);
  strictEqual(allowed(["--allow-env"], "env"), true);
  strictEqual(allowed(["-A"], "run"), true);
});

Deno.test("expandPermissions() expands a set, except the kinds that a flag names itself", () => {
  const sets = { one: { env: ["A", "B"], read: true, sys: ["hostname"], write: false } };
  deepStrictEqual(expandPermissions(["-q", "-P=one", "--allow-net=a", "--allow-read=x"], sets), [
    "-q",
    "--allow-env=A,B",
    "--allow-sys=hostname",
    "--allow-net=a",
    "--allow-read=x",
  ]);
  throws(() => expandPermissions(["-P=two"], sets), /no permission set "two"/);
});
