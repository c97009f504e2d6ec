/** Completions for bash 3.2 and later, which need no bash-completion. */
import { takesFile, type Task } from "./tasks.ts";

export function bashScript(tasks: readonly Task[]): string {
  return `# Source this in a bash: . <(deno task --quiet completions bash)

# Who completed deno before goes on doing so for all that is not a task of this project.
_casino_pattern='-F ([^ ]+)'
if [[ $(complete -p deno 2>/dev/null) =~ $_casino_pattern && \${BASH_REMATCH[1]} != _casino_tasks ]]; then
  _casino_before=\${BASH_REMATCH[1]}
fi

_casino_tasks() {
  # By white space, while bash would split at : and =, too.
  local line=\${COMP_LINE:0:COMP_POINT} words cur prev at=2 last flags= operands= choices= word
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  last=$((\${#words[@]} - 1)); cur=\${words[last]}; prev=\${words[last - 1]}
  COMPREPLY=()
  while [[ $at -lt $last && \${words[at]} == -* ]]; do at=$((at + 1)); done
  if [[ $last -lt 2 || \${words[1]} != task ]]; then
    _casino_other "$@"; return
  elif [[ $at -eq $last && $cur == -* ]]; then
    _casino_other "$@"; return
  elif [[ $at -eq $last ]]; then
    COMPREPLY=($(compgen -W ${quoted(tasks.map(({ name }) => name).join(" "))} -- "$cur"))
    _casino_trim "$cur"; return
  fi
  case \${words[at]} in
${tasks.map(taskCase).join("\n")}
    *) _casino_other "$@"; return ;;
  esac
  if [[ $cur == --*=* ]]; then prev=\${cur%%=*}; fi
  case "\${words[at]} $prev" in
${tasks.flatMap(valueCases).join("\n")}
    *\\ --env-file) choices=: ;;
  esac
  if [[ $choices == : ]]; then
    compopt -o filenames 2>/dev/null
    local IFS=$'\\n'
    COMPREPLY=($(compgen -f -- "\${cur#--*=}"))
  elif [[ $choices == - ]]; then
    compopt +o default 2>/dev/null
  elif [[ -n $choices && $cur == --*=* ]]; then
    COMPREPLY=($(compgen -P "$prev=" -W "$choices" -- "\${cur#*=}"))
    _casino_trim "$cur"
  elif [[ -n $choices ]]; then
    COMPREPLY=($(compgen -W "$choices" -- "$cur"))
  elif [[ $cur == -* || -z $operands ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  else
    for word in "\${words[@]:at + 1:last - at - 1}"; do
      [[ " $operands " == *" $word "* ]] && operands=
    done
    COMPREPLY=($(compgen -W "\${operands:-$flags}" -- "$cur"))
  fi
}

_casino_other() {
  if [[ -n $_casino_before ]]; then "$_casino_before" "$@"; fi
}

# What readline takes for words of their own, up to the last : or =, is not part of a reply.
_casino_trim() {
  local typed=\${1%"\${1##*[:=]}"}
  if [[ -n $typed && $COMP_WORDBREAKS == *"\${typed: -1}"* ]]; then COMPREPLY=("\${COMPREPLY[@]#"$typed"}"); fi
}

complete -o default -F _casino_tasks deno`;
}

function taskCase({ name, operands, flags }: Task): string {
  const words = flags.flatMap(({ name, short }) => short ? [`--${name}`, `-${short}`] : [`--${name}`]);
  return `    ${name}) flags=${quoted(words.join(" "))}${
    operands.length > 0 ? ` operands=${quoted(operands.join(" "))}` : ""
  } ;;`;
}

/** A colon stands for file names, a dash for what nobody can guess. */
function valueCases({ name: task, flags }: Task): string[] {
  return flags.filter(({ name, value }) => value !== undefined && name !== "env-file").map((flag) => {
    const choices = flag.choices ? quoted(flag.choices.join(" ")) : takesFile(flag) ? ":" : "-";
    const names = [`--${flag.name}`, ...(flag.short ? [`-${flag.short}`] : [])];
    return `    ${names.map((name) => quoted(`${task} ${name}`)).join("|")}) choices=${choices} ;;`;
  });
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
