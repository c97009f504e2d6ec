/** Completions for zsh, over its own `_arguments`. */
import { takesFile, type Task } from "./tasks.ts";

export function zshScript(tasks: readonly Task[]): string {
  return `# Source this in a zsh, after compinit: . <(deno task --quiet completions zsh)

# Who completed deno before goes on doing so for all that is not a task of this project.
[[ -n $_comps[deno] && $_comps[deno] != _casino_tasks ]] && typeset -g _casino_before=$_comps[deno]

_casino_tasks() {
  local at=3
  while (( at < CURRENT )) && [[ $words[at] == -* ]]; do (( at++ )); done
  if [[ $words[2] != task ]] || (( CURRENT < 3 )); then
    _casino_other; return
  elif (( at == CURRENT )) && [[ $words[at] != -* ]]; then
    local -a tasks=(
${tasks.map(({ name, summary }) => `      ${quoted(`${name.replaceAll(":", "\\:")}:${summary}`)}`).join("\n")}
    )
    _describe task tasks; return
  fi
  local task=$words[at]
  words=("\${(@)words[at,-1]}")
  (( CURRENT -= at - 1 ))
  case $task in
${tasks.map(taskCase).join("\n")}
    *) _casino_other ;;
  esac
}

_casino_other() {
  if [[ -n $_casino_before ]]; then "$_casino_before"; else _default; fi
}

compdef _casino_tasks deno`;
}

function taskCase({ name, operands, flags }: Task): string {
  const specs = flags.map(argument);
  if (operands.length > 0) specs.push(quoted(`1:operand:(${operands.join(" ")})`));
  return `    ${name}) _arguments -S ${specs.join(" ")} ;;`;
}

/** As zshcompsys(1) has it under _arguments: `(-n --count)-n[how many]:N: `. */
function argument({ name, short, value, help, choices, ...flag }: Task["flags"][number]): string {
  const described = help.replace(/[\\[\]:]/g, "\\$&");
  const action = choices
    ? `(${choices.join(" ")})`
    : takesFile({ name, help, ...(value && { value }), ...flag })
    ? "_files"
    : " ";
  const rest = `[${described}]${value === undefined ? "" : `:${value.replaceAll(":", "\\:")}:${action}`}`;
  const long = `--${name}${value === undefined ? "" : "="}`;
  if (short === undefined) return quoted(`${long}${rest}`);
  const both = `(-${short} --${name})`;
  return `${quoted(`${both}-${short}${rest}`)} ${quoted(`${both}${long}${rest}`)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
