/**
 * For tests that need the servers: importing this fails, with one sentence, when one of them is away. A test that was
 * skipped instead would look like one that passed.
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

/** A name that no other test run has: `test.3f9c01a2`. */
export function uniqueName(prefix = "test"): string {
  return `${prefix}.${crypto.randomUUID().slice(0, 8)}`;
}
