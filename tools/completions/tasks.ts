/** What can be typed after `deno task`: the tasks of deno.json, each asked for its flags. */
import { join } from "node:path";
import type { Description } from "../../shared/command.ts";

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
  const { tasks } = JSON.parse(await Deno.readTextFile(join(project, "deno.json"))) as {
    tasks: Record<string, string>;
  };
  const waiting = Object.entries(tasks);
  const described: Task[] = [];
  const ask = async () => {
    for (let next; (next = waiting.shift());) described.push(await describeTask(...next, project));
  };
  await Promise.all(Array.from({ length: atOnce }, ask));
  const order = Object.keys(tasks);
  return described.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}

async function describeTask(name: string, line: string, project: string): Promise<Task> {
  const { program, operands: given } = parseTask(line);
  const command = new Deno.Command(Deno.execPath(), { args: [...program, "--describe"], cwd: project });
  const { success, stdout, stderr } = await command.output();
  if (!success) throw new Error(`deno task ${name} --describe failed: ${new TextDecoder().decode(stderr).trim()}`);
  const { summary, operands = "", flags } = JSON.parse(new TextDecoder().decode(stdout)) as Description;
  const [firstLine = ""] = summary.split("\n");
  // A task that names the operand itself leaves none to be typed.
  return { name, summary: firstLine.replace(/:$/, ""), operands: given.length > 0 ? [] : wordsOf(operands), flags };
}

/** @param line as in deno.json: `deno run --allow-net tools/dead/main.ts` */
export function parseTask(line: string): { program: string[]; operands: string[] } {
  const [deno, ...words] = line.split(" ");
  const end = words.findIndex((word) => word.endsWith(".ts"));
  if (deno !== "deno" || words[0] !== "run" || end < 0) {
    throw new Error(`The task "${line}" in deno.json does not run a program of ours: it can have no completions.`);
  }
  return { program: words.slice(0, end + 1), operands: words.slice(end + 1).filter((word) => !word.startsWith("-")) };
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
