/** The stages of a Dockerfile, as far as tests look at them. */

export interface Stage {
  readonly name: string;
  readonly from: string;
  /** Keyword and value of each instruction. */
  readonly instructions: (readonly [string, string])[];
}

export function stagesOf(dockerfile: string): Stage[] {
  const stages: Stage[] = [];
  for (const line of dockerfile.replace(/^#.*\n/gm, "").replace(/\\\n\s*/g, "").split("\n")) {
    const [, keyword = "", value = ""] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    const [from = "", , name = ""] = value.split(" ");
    if (keyword === "FROM") stages.push({ name, from, instructions: [] });
    else if (keyword) stages.at(-1)!.instructions.push([keyword, value]);
  }
  return stages;
}

/** The values of a stage's instructions of one kind, inherited ones left out. */
export function valuesOf({ instructions }: Stage, keyword: string): string[] {
  return instructions.filter(([each]) => each === keyword).map(([, value]) => value);
}
