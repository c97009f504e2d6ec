/** Completions for fish, beside those that it has for deno. */
import { takesFile, type Task } from "./tasks.ts";

export function fishScript(tasks: readonly Task[]): string {
  return `# Source this in a fish: deno task --quiet completions fish | source

# The task that is named already.
function __casino_task
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test $words[2] = task; or return
    for word in $words[3..]
        string match -q -- '-*' $word; or begin
            echo $word
            return
        end
    end
end

function __casino_task_wanted
    set -l words (commandline -opc)
    set -l named (__casino_task)
    test (count $words) -ge 2; and test $words[2] = task; and not set -q named[1]
end

function __casino_task_is
    set -l named (__casino_task)
    set -q named[1]; and test $named[1] = $argv[1]
end

# No operand of the task is named already.
function __casino_operand_wanted
    __casino_task_is $argv[1]; or return
    for word in (commandline -opc)
        contains -- $word $argv[2..]; and return 1
    end
    return 0
end

${tasks.map(taskLines).join("\n\n")}`;
}

function taskLines({ name, summary, operands, flags }: Task): string {
  const complete = (condition: string, rest: string) => `complete -c deno -n ${quoted(condition)} ${rest}`;
  return [
    complete("__casino_task_wanted", `-f -a ${quoted(name)} -d ${quoted(summary)}`),
    complete(`__casino_task_is ${name}`, "-f"),
    ...(operands.length === 0 ? [] : [
      complete(`__casino_operand_wanted ${name} ${operands.join(" ")}`, `-f -a ${quoted(operands.join(" "))}`),
    ]),
    ...flags.map((flag) => {
      const { name: long, short, value, help, choices } = flag;
      const takes = value === undefined
        ? ""
        : choices
        ? ` -x -a ${quoted(choices.join(" "))}`
        : takesFile(flag)
        ? " -r -F"
        : " -x";
      return complete(
        `__casino_task_is ${name}`,
        `-l ${long}${short ? ` -s ${short}` : ""}${takes} -d ${quoted(help)}`,
      );
    }),
  ].join("\n");
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
