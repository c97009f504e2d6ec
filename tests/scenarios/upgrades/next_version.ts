/** A version that is still to come, made of this one: with one more type of event and one more field, code and tables. */
import { join } from "node:path";
import { eventTypes } from "../../../shared/event/kinds.ts";
import { Members } from "../../../tools/demo/members.ts";
import { project } from "../../harness/world.ts";

const migration = "20990101000000_allow_jackpots.ts";

/** What a developer would change, as text that stands in the file once and what takes its place. */
const changes: readonly (readonly [file: string, from: string, to: string])[] = [
  [
    "proto/casino/events/v1/event.proto",
    "EVENT_TYPE_UNSPECIFIED = 0;",
    "EVENT_TYPE_UNSPECIFIED = 0;\n  EVENT_TYPE_JACKPOT = 99;",
  ],
  ["proto/casino/events/v1/event.proto", "created_at = 8;", "created_at = 8;\n  string campaign = 9;"],
  [
    "shared/event/kinds.ts",
    "export const kinds = [",
    `export const kinds = [
  {
    type: "jackpot",
    wireNumber: 99,
    hasGame: true,
    hasMoney: false,
    hasOutcome: false,
    label: "jackpot",
    weight: 0,
    sentence: ({ player, time }) => \`\${player} hit a jackpot on \${time}.\`,
  },`,
  ],
];

const leftOut = ["bench", "deploy", "docs", "node_modules", "tests"];

export class NextVersion implements AsyncDisposable {
  readonly members: Members;

  private constructor(readonly path: string) {
    this.members = new Members(path, "task");
  }

  static async make(): Promise<NextVersion> {
    const path = await Deno.makeTempDir({ prefix: "casino-next-" });
    await copy(project, path, (name) => !name.startsWith(".") && !leftOut.includes(name));
    for (const [file, from, to] of changes) {
      const text = await Deno.readTextFile(join(path, file));
      if (text.split(from).length !== 2) {
        throw new Error(
          `${file} has not "${from}" once: tell tests/scenarios/upgrades/next_version.ts what to change there now`,
        );
      }
      await Deno.writeTextFile(join(path, file), text.replace(from, () => to));
    }
    await Deno.writeTextFile(
      join(path, "migrations", migration),
      `import { AbstractMigration } from "nessie";
export default class extends AbstractMigration {
  async up(): Promise<void> {
    await this.client.queryArray("alter table events drop constraint events_type_check");
    await this.client.queryArray("alter table events add constraint events_type_check " +
      "check (type in (${[...eventTypes, "jackpot"].map((type) => `'${type}'`).join(", ")}))");
  }
  async down(): Promise<void> {}
}`,
    );
    const next = new NextVersion(path);
    await next.members.runToEnd("generate", [], {});
    return next;
  }

  /** The events' schema, as its source says it. */
  schema(): Promise<string> {
    return Deno.readTextFile(join(this.path, "proto/casino/events/v1/event.proto"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.members.stopAll();
    await Deno.remove(this.path, { recursive: true });
  }
}

async function copy(from: string, to: string, isWanted: (name: string) => boolean): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (!isWanted(name)) continue;
    if (isDirectory) await copy(join(from, name), join(to, name), (inner) => !inner.startsWith("."));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}
