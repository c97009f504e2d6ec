/**
 * Reads a document's `sh` blocks in order, and runs them. HTML comments before a block say what its output must show,
 * and what happens meanwhile.
 */
import { join } from "node:path";
import { project } from "../../harness/world.ts";
import { happenings, putInOrder } from "./faults.ts";
import { System } from "./system.ts";

export type Step =
  | { readonly kind: "meanwhile"; readonly what: string }
  | {
    readonly kind: "command";
    readonly command: string;
    readonly shows: RegExp | undefined;
    readonly at: string;
    /** The nearest heading above, of any level. */
    readonly under: string;
  };

export interface Elsewhere {
  readonly scenario: string;
  readonly command: string;
  readonly under: string;
  readonly at: string;
}

export interface Section {
  readonly title: string;
  readonly steps: readonly Step[];
}

export interface Document {
  readonly name: string;
  readonly sections: readonly Section[];
  /** The commands that a reader types before all others. */
  readonly beforeEach: string;
  /** The reasons why blocks are not tried. */
  readonly untried: readonly string[];
  /** Blocks that another scenario tries. */
  readonly elsewhere: readonly Elsewhere[];
}

export const documentNames = ["operations.md", "runbook.md", "backup.md", "rotation.md", "certificates.md"] as const;

const comment = /^<!-- (?:(meanwhile|shows|not tried|elsewhere): (.+)|(before each)) -->$/;

/** @throws when a comment is unknown, or no block follows it */
export async function readDocument(name: string): Promise<Document> {
  const lines = (await Deno.readTextFile(join(project, "docs", name))).split("\n");
  const sections: { title: string; steps: Step[] }[] = [{ title: "", steps: [] }];
  const untried: string[] = [];
  const elsewhere: Elsewhere[] = [];
  let beforeEach = "";
  let under = "";
  let marker: { readonly kind: string; readonly text: string } | undefined;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    const at = `${name}:${i + 1}`;
    const steps = sections.at(-1)!.steps;
    under = /^#+ (.+)$/.exec(line)?.[1] ?? under;
    if (line.startsWith("<!--")) {
      const [, kind, text = "", alone] = comment.exec(line) ?? [];
      if (!kind && !alone) throw new Error(`${at}: ${line} says nothing that is known`);
      if (marker) throw new Error(`${at}: no block came after "${marker.kind}"`);
      if (kind === "meanwhile") steps.push({ kind, what: text });
      else marker = { kind: kind ?? alone!, text };
    } else if (line === "```sh") {
      const end = lines.indexOf("```", i);
      const command = lines.slice(i + 1, end).join("\n");
      i = end;
      if (marker?.kind === "not tried") untried.push(`${at}: ${marker.text}`);
      else if (marker?.kind === "elsewhere") elsewhere.push({ scenario: marker.text, command, under, at });
      else if (marker?.kind === "before each") beforeEach = command;
      else steps.push({ kind: "command", command, shows: marker && new RegExp(marker.text, "m"), at, under });
      marker = undefined;
    } else if (line.startsWith("## ")) {
      if (marker) throw new Error(`${at}: no block came after "${marker.kind}"`);
      sections.push({ title: line.slice(3), steps: [] });
    } else if (/^\s*```\s*(?:bash|shell|console)/.test(line) || /^\s+```sh/.test(line)) {
      throw new Error(`${at}: commands stand in blocks of sh that begin at the margin`);
    } else if (line.startsWith("```")) {
      i = lines.indexOf("```", i + 1);
    }
  }
  return { name, sections: sections.filter(({ steps }) => steps.length > 0), beforeEach, untried, elsewhere };
}

export interface FollowOptions {
  /** Settings for casino.env. */
  readonly env?: Readonly<Record<string, string>>;
  /** Runs before the first section. */
  readonly begin?: (system: System) => Promise<void>;
  /** Runs before each section. */
  readonly before?: (system: System) => Promise<void>;
  /** Restores the initial state after each section. */
  readonly between?: (system: System) => Promise<void>;
}

export async function follow(
  t: Deno.TestContext,
  name: string,
  { env = {}, begin = upAndRunning, before, between = putInOrder }: FollowOptions = {},
): Promise<void> {
  const { sections, beforeEach } = await readDocument(name);
  await using system = await System.start(beforeEach, env);
  await begin(system);
  let failed = false;
  for (const section of sections) {
    // Later sections would fail only for the same reason.
    const done: boolean = await t.step({
      name: section.title,
      ignore: failed,
      async fn() {
        await before?.(system);
        await followSection(section, system);
        await between(system);
        await system.checkNothingIsLost();
      },
    });
    failed ||= !done;
  }
  const last = "nothing was lost, stored twice, counted twice or left unreported";
  await t.step({ name: last, fn: () => system.checkLedger(), ignore: failed });
}

async function upAndRunning(system: System): Promise<void> {
  await system.operator.try("deno task migrate", undefined, "the tables");
  await system.startMembers();
  await system.publish(200);
  await system.checkNothingIsLost();
}

async function followSection({ steps }: Section, system: System): Promise<void> {
  for (const step of steps) {
    if (step.kind === "meanwhile") await happenings[step.what]!(system);
    else {
      if (/rabbitmq/.test(step.command)) await system.pointTools();
      await system.operator.try(step.command, step.shows, step.at);
    }
  }
}
