/** Makes the roles of `deno task roles` on private servers. */
import { join } from "node:path";
import { runProgram } from "../../tools/run_program.ts";
import { passwordVariable } from "../../tools/roles/roles.ts";
import type { PrivateServers } from "./private_servers.ts";
import { project } from "./world.ts";

const roles = ["provision", "publisher", "subscriber", "dead-letters", "migrator", "reader"] as const;
export type Role = (typeof roles)[number];

/** Returns a password with characters that need quoting in URLs and shells. */
export function passwordOf(role: Role): string {
  return `${role}'s-\$ecret/?#@:%"\\n\\`;
}

/**
 * Runs the three scripts as documented.
 * @param env the names of queues and keys
 * @param flags flags for RabbitMQ's script
 */
export async function makeRoles(
  servers: PrivateServers,
  env: Readonly<Record<string, string>> = {},
  flags = "",
): Promise<void> {
  const programs = await Deno.makeTempDir({ prefix: "casino-path-" });
  try {
    await Deno.writeTextFile(
      join(programs, "rabbitmqctl"),
      `#!/bin/sh\n${await servers.checkout.rabbitmqScript("rabbitmqctl")}\n`,
      { mode: 0o755 },
    );
    const passwords = roles.map((role) => [passwordVariable(`casino-${role}`), passwordOf(role)]);
    const variables = {
      ...servers.direct,
      ...env,
      ...Object.fromEntries(passwords),
      DATABASE_ADMIN_URL: await servers.superuserUrl(),
      PATH: `${programs}:${Deno.env.get("PATH")}`,
      DENO: Deno.execPath(),
    };
    for (const pipeline of [`rabbitmq ${flags} | sh`, "redis | sh", 'postgres | psql --quiet "$DATABASE_ADMIN_URL"']) {
      await runProgram("bash", ["-o", "pipefail", "-c", `"$DENO" task --quiet roles ${pipeline}`], {
        cwd: project,
        env: variables,
      });
    }
  } finally {
    await Deno.remove(programs, { recursive: true });
  }
}

/** Returns the URL with the role's credentials. */
export function asRole(url: string, role: Role, separator: "-" | "_" = "-"): string {
  const target = new URL(url);
  target.username = `casino-${role}`.replaceAll("-", separator);
  target.password = encodeURIComponent(passwordOf(role));
  return target.href;
}
