/** A system whose members each have their own role, as docs/rotation.md has it. */
import { join } from "node:path";
import { freePort } from "../../../tools/demo/members.ts";
import type { System } from "./system.ts";

const members = ["PROVISION", "PUBLISHER", "SUBSCRIBER", "DEAD_LETTERS", "MIGRATOR", "READER"];

/** Settings of casino.env beyond those of every system. */
export function secrets(): Record<string, string> {
  const passwords = members.map((member) => [`CASINO_${member}_PASSWORD`, `of-${member.toLowerCase()}`]);
  return { ...Object.fromEntries(passwords), HTTP_TOKEN: "a-token-of-the-test", HTTP: `127.0.0.1:${freePort()}` };
}

/** Makes the roles by what `deno task roles` prints, then queues and tables by those who may. */
export async function makeRolesFor(system: System): Promise<void> {
  const { RABBITMQ_URL, REDIS_URL, DATABASE_URL } = system.servers.direct;
  const as = (url: string, user: string, member: string) => {
    const { protocol, host, pathname } = new URL(url);
    return `"${protocol}//${user}:$CASINO_${member}_PASSWORD@${host}${pathname}"`;
  };
  const files = {
    subscriber: {
      RABBITMQ_URL: as(RABBITMQ_URL, "casino-subscriber", "SUBSCRIBER"),
      DEAD_LETTER_RABBITMQ_URL: as(RABBITMQ_URL, "casino-dead-letters", "DEAD_LETTERS"),
      REDIS_URL: as(REDIS_URL, "casino-subscriber", "SUBSCRIBER"),
      DATABASE_URL: as(DATABASE_URL, "casino_subscriber", "SUBSCRIBER"),
      TOPOLOGY: "check",
    },
    publisher: { RABBITMQ_URL: as(RABBITMQ_URL, "casino-publisher", "PUBLISHER"), TOPOLOGY: "check" },
    operator: {
      RABBITMQ_URL: as(RABBITMQ_URL, "casino-dead-letters", "DEAD_LETTERS"),
      REDIS_URL: as(REDIS_URL, "casino-reader", "READER"),
      DATABASE_URL: as(DATABASE_URL, "casino_reader", "READER"),
      TOPOLOGY: "check",
    },
    migrator: { DATABASE_URL: as(DATABASE_URL, "casino_migrator", "MIGRATOR") },
  };
  for (const [name, variables] of Object.entries(files)) {
    const lines = Object.entries(variables).map(([variable, value]) => `${variable}=${value}\n`);
    await Deno.writeTextFile(join(system.operator.folder, `${name}.env`), lines.join(""));
  }
  await system.pointTools();
  for (
    const command of [
      "deno task --quiet roles rabbitmq | sh",
      "deno task --quiet roles redis | sh",
      'deno task --quiet roles postgres | psql --quiet "$DATABASE_ADMIN_URL"',
      // Not by a file: that is for the document to make.
      `RABBITMQ_URL=${as(RABBITMQ_URL, "casino-provision", "PROVISION")} deno task provision`,
      "set -a && . ./migrator.env && set +a\ndeno task migrate",
    ]
  ) await system.operator.try(command, undefined, "the roles");
}
