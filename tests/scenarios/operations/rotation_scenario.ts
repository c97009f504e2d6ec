/** docs/rotation.md and docs/certificates.md, command by command: secrets are replaced while events arrive. */
import { join } from "node:path";
import { freePort } from "../../../tools/demo/members.ts";
import { EncryptedServers } from "../../harness/encrypted_servers.ts";
import { follow } from "./document.ts";
import { happenings } from "./faults.ts";
import type { System } from "./system.ts";

/** A restart takes longer than the wait for rates in the other documents' systems. */
const patient = { RATES_WAIT_MS: "30000", RATES_TTL_MS: "3000" };

Deno.test("rotation.md: each command works as written, and no event is lost", async (t) => {
  await follow(t, "rotation.md", {
    env: { ...patient, ...secrets() },
    async begin(system) {
      await makeRolesFor(system);
      await system.startMembers({}, ". ./subscriber.env");
    },
    before: (system) => happenings["events come all the time"]!(system),
    between: (system) => happenings["events come no more"]!(system),
  });
});

Deno.test("certificates.md: each command works as written, and no event is lost", async (t) => {
  await using made = new AsyncDisposableStack();
  await follow(t, "certificates.md", {
    env: patient,
    begin: async (system) => void made.use(await encrypt(system)),
    before: (system) => happenings["events come all the time"]!(system),
    between: (system) => happenings["events come no more"]!(system),
  });
});

/**
 * Starts all members with certificates that will be replaced.
 * @returns the clean-up
 */
export async function encrypt(system: System): Promise<AsyncDisposable> {
  const encrypted = await EncryptedServers.of(system.servers);
  const member = await encrypted.ca.sign("member", "DNS:localhost");
  const files = { TLS_CA_FILE: encrypted.ca.cert, TLS_CERT_FILE: member.cert, TLS_KEY_FILE: member.key };
  const copies = Object.entries(files).map(async ([variable, path]) => {
    const copy = join(system.operator.folder, path.slice(path.lastIndexOf("/") + 1));
    await Deno.copyFile(path, copy);
    return [variable, copy];
  });
  await system.configure({
    ...encrypted.urls(),
    RATES_API_TLS: "on",
    RATES_API_ADDRESS: `localhost:${freePort()}`,
    ...Object.fromEntries(await Promise.all(copies)),
    RABBITMQ_TLS: await system.servers.folderOf("rabbitmq"),
    REDIS_TLS: await system.servers.folderOf("redis"),
    POSTGRES_TLS: await system.servers.folderOf("postgres"),
  });
  await system.operator.try("deno task migrate", undefined, "the tables");
  await system.startMembers();
  return { [Symbol.asyncDispose]: () => Deno.remove(encrypted.folder, { recursive: true }) };
}

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
