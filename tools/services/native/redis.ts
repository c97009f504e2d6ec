/** A native Redis, in memory only: everything in it can be fetched again. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Launch, NativeServer } from "../process.ts";
import { credentialsOf, listenAddress } from "../server.ts";

export const redis: NativeServer = {
  name: "redis",
  programs: { server: ["redis-server", "/opt/homebrew/bin/redis-server", "valkey-server"] },
  user: "redis",
  async prepare({ folder, programs, url }): Promise<Launch[]> {
    const file = join(folder, "redis.conf");
    await Deno.writeTextFile(file, redisConfig(url));
    return [{ name: "redis", program: programs["server"]!, args: [file] }];
  },
};

/**
 * Returns the configuration file for a server at the URL. The file has the password's hash, as Redis's ACL allows, not
 * the password.
 */
export function redisConfig(url: URL): string {
  const { user, password } = credentialsOf(url);
  const lines = [`bind ${listenAddress(url)}`, `port ${url.port}`, 'save ""', "appendonly no"];
  if (password) {
    const hash = createHash("sha256").update(password).digest("hex");
    if (user && user !== "default") lines.push("user default off");
    lines.push(`user ${user || "default"} on #${hash} ~* &* +@all`);
  }
  return lines.join("\n") + "\n";
}
