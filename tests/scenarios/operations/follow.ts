/** Does what a document says, in its order, in a system of its own; afterwards everything must be there, once. */
import { readDocument, type Section } from "./document.ts";
import { happenings, putInOrder } from "./faults.ts";
import { System } from "./system.ts";

export interface FollowOptions {
  /** Settings for casino.env. */
  readonly env?: Readonly<Record<string, string>>;
  /** What is so before the first section. */
  readonly begin?: (system: System) => Promise<void>;
  /** What is begun before each section. */
  readonly before?: (system: System) => Promise<void>;
  /** What makes the next section find what the first did. */
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
    // What was left broken would only break more.
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
