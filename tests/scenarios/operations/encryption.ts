/** A system whose members and servers speak TLS with certificates on both sides, as docs/certificates.md has it. */
import { join } from "node:path";
import { freePort } from "../../../tools/demo/members.ts";
import { EncryptedServers } from "../../harness/encrypted_servers.ts";
import type { System } from "./system.ts";

/** Has all members begin with certificates that will be replaced. @returns what removes what was made */
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
    RABBITMQ_TLS: await encrypted.folderOf("rabbitmq"),
    REDIS_TLS: await encrypted.folderOf("redis"),
    POSTGRES_TLS: await encrypted.folderOf("postgres"),
  });
  await system.operator.try("deno task migrate", undefined, "the tables");
  await system.startMembers();
  return { [Symbol.asyncDispose]: () => Deno.remove(encrypted.folder, { recursive: true }) };
}
