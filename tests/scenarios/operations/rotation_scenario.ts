/** docs/rotation.md and docs/certificates.md, command by command: secrets are replaced while events arrive. */
import { join } from "node:path";
import { freePort } from "../../../tools/demo/members.ts";
import { EncryptedServers } from "../../harness/encrypted_servers.ts";
import { follow } from "./document.ts";
import { happenings } from "./faults.ts";
import { makeRolesFor, secrets } from "./roles.ts";
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
