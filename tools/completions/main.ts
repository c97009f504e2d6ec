/** `deno task completions` */
import { join } from "node:path";
import { runCommand, UsageError } from "../../shared/command.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { describeTasks } from "./tasks.ts";
import { zshScript } from "./zsh.ts";

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
const shells = Object.keys(scripts);

await runCommand({
  name: "deno task completions",
  summary: "Prints a script that makes a shell complete this project's tasks, their flags and their values.",
  operands: "<bash|zsh|fish>",
  flags: {},
  settings: [],
  examples: [
    ". <(deno task --quiet completions bash)",
    ". <(deno task --quiet completions zsh)",
    "deno task --quiet completions fish | source",
  ],
}, async ({ operands: [shell = "", ...surplus] }) => {
  const script = Object.entries(scripts).find(([name]) => name === shell)?.[1];
  if (!script || surplus.length > 0) {
    throw new UsageError(`"${[shell, ...surplus].join(" ")}" must be one of ${shells.join(", ")}`);
  }
  console.log(script(await describeTasks(join(import.meta.dirname!, "../.."))));
  return 0;
});
