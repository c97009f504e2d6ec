import { match, ok } from "node:assert/strict";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import type { Task } from "./tasks.ts";
import { zshScript } from "./zsh.ts";

const tasks: Task[] = [{
  name: "rates:move",
  summary: "Moves the mock's rates: at once.",
  operands: ["up", "down"],
  flags: [
    { name: "count", short: "n", value: "N", help: "how many [1]" },
    { name: "kind", value: "KIND", help: "which: a or b", choices: ["a", "b"] },
    { name: "input", short: "i", value: "FILE", help: "from there" },
    { name: "quiet", help: "no output; it isn't needed" },
  ],
}];

Deno.test("bashScript() has tasks, flags, operands, choices and files", () => {
  const script = bashScript(tasks);
  match(script, /compgen -W 'rates:move'/);
  match(script, /rates:move\) flags='--count -n --kind --input -i --quiet' operands='up down' ;;/);
  match(script, /'rates:move --kind'\) choices='a b' ;;/);
  match(script, /'rates:move --input'\|'rates:move -i'\) choices=: ;;/);
  match(script, /'rates:move --count'\|'rates:move -n'\) choices=- ;;/);
});

Deno.test("zshScript() escapes what _describe and _arguments would take for their own", () => {
  const script = zshScript(tasks);
  ok(script.includes(`'rates\\:move:Moves the mock'\\''s rates: at once.'`));
  ok(script.includes(`'(-n --count)--count=[how many \\[1\\]]:N: '`));
  ok(script.includes(`'--kind=[which\\: a or b]:KIND:(a b)'`));
  ok(script.includes(`'(-i --input)-i[from there]:FILE:_files'`));
  ok(script.includes(`'1:operand:(up down)'`));
});

Deno.test("fishScript() has a line for each task, operand and flag", () => {
  const script = fishScript(tasks);
  ok(script.includes(`-n '__casino_task_wanted' -f -a 'rates:move' -d 'Moves the mock\\'s rates: at once.'`));
  ok(script.includes(`-n '__casino_operand_wanted rates:move up down' -f -a 'up down'`));
  ok(script.includes(`-n '__casino_task_is rates:move' -l kind -x -a 'a b' -d 'which: a or b'`));
  ok(script.includes(`-l input -s i -r -F -d 'from there'`));
  ok(script.includes(`-l quiet -d 'no output; it isn\\'t needed'`));
});
