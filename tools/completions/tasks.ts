/** What can be typed after `deno task`: the tasks of deno.json, each asked for its flags. */
import type { Description } from "../../shared/command.ts";
import { parseTask, readTasks } from "../tasks/task_line.ts";

export interface Task {
  readonly name: string;
  readonly summary: string;
  /** Words, one of which may follow: `list`, `show`. */
  readonly operands: readonly string[];
  readonly flags: Description["flags"];
}

const atOnce = 4;

/** @throws {Error} that names the task that does not describe itself */
export async function describeTasks(project: string): Promise<Task[]> {
  const tasks = readTasks(project);
  const waiting = Object.entries(tasks);
  const described: Task[] = [];
  const ask = async () => {
    for (let next; (next = waiting.shift());) {
      const [name, line] = next;
      described.push(asTyped(name, line, await describeTask(name, line, project)));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, ask));
  const order = Object.keys(tasks);
  return described.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}

/** What the task's command says of itself. @throws {Error} that names the task */
export async function describeTask(name: string, line: string, project: string): Promise<Description> {
  const { flags, program } = parseTask(line);
  const args = ["run", ...flags, program, "--describe"];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: project }).output();
  if (!success) throw new Error(`deno task ${name} --describe failed: ${new TextDecoder().decode(stderr).trim()}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

function asTyped(name: string, line: string, { summary, operands = "", flags }: Description): Task {
  const [firstLine = ""] = summary.split("\n");
  // A task that names the operand itself leaves none to be typed.
  const left = parseTask(line).operands.length > 0 ? [] : wordsOf(operands);
  return { name, summary: firstLine.replace(/:$/, ""), operands: left, flags };
}

/** The literal ones of `<list|show ID|replay|drop>`; what is in capitals stands for something else. */
export function wordsOf(operands: string): string[] {
  const alternatives = operands.replace(/[<>[\]]/g, "").split("|");
  return alternatives.map((each) => each.split(" ")[0]!).filter((word) => /^[a-z][a-z-]*$/.test(word));
}

/** Whether the flag's value is the name of a file or folder. */
export function takesFile({ value }: Task["flags"][number]): boolean {
  return value === "FILE" || value === "PATH";
}
