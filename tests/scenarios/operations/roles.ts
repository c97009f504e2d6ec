/** Users of each member's own on the three servers, for an operator's system. */
import { join } from "node:path";
import { freePort } from "../../../tools/demo/members.ts";
import type { System } from "./system.ts";

const members = ["PROVISION", "PUBLISHER", "SUBSCRIBER", "DEAD_LETTERS", "MIGRATOR", "READER"];

/** Settings of casino.env in addition to those of every system. */
export function secrets(): Record<string, string> {
  const passwords = members.map((member) => [`CASINO_${member}_PASSWORD`, `of-${member.toLowerCase()}`]);
  return { ...Object.fromEntries(passwords), HTTP: `127.0.0.1:${freePort()}` };
}

/** Makes the roles with `deno task roles`, then declares queues and creates tables with the roles that may. */
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
      TOPOLOGY: "provisioned",
    },
    publisher: { RABBITMQ_URL: as(RABBITMQ_URL, "casino-publisher", "PUBLISHER"), TOPOLOGY: "provisioned" },
    operator: {
      RABBITMQ_URL: as(RABBITMQ_URL, "casino-dead-letters", "DEAD_LETTERS"),
      REDIS_URL: as(REDIS_URL, "casino-reader", "READER"),
      DATABASE_URL: as(DATABASE_URL, "casino_dead_letters", "DEAD_LETTERS"),
      TOPOLOGY: "provisioned",
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
      // The document creates the file that sets this variable.
      `RABBITMQ_URL=${as(RABBITMQ_URL, "casino-provision", "PROVISION")} deno task provision`,
      "set -a && . ./migrator.env && set +a\ndeno task migrate",
    ]
  ) await system.operator.try(command, undefined, "the roles");
}
