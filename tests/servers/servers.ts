/**
 * For tests that need the servers: importing this file fails with one sentence when a server is down. A skipped test
 * would look like a passed test.
 */
import { defaultServers, serversProblem } from "../../dev/check/default_servers.ts";

export const servers = defaultServers;

const problem = await serversProblem();
if (problem !== undefined) {
  const error = new Error(problem);
  // A stack trace would hide the sentence.
  error.stack = "";
  throw error;
}

/** Returns a name that no other test run uses: `test.3f9c01a2`. */
export function uniqueName(prefix = "test"): string {
  return `${prefix}.${crypto.randomUUID().slice(0, 8)}`;
}
