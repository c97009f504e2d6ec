/** Which scenarios there are. */
import { join, relative } from "node:path";

/** @returns paths below the project, such as `tests/scenarios/faults/killed_scenario.ts`, in alphabetical order */
export async function scenarioFiles(project: string): Promise<string[]> {
  const folder = join(project, "tests/scenarios");
  const files: string[] = [];
  for await (const theme of Deno.readDir(folder)) {
    if (!theme.isDirectory) continue;
    for await (const { name } of Deno.readDir(join(folder, theme.name))) {
      if (name.endsWith("_scenario.ts")) files.push(relative(project, join(folder, theme.name, name)));
    }
  }
  return files.sort();
}
