/**
 * For tests that need the servers: importing this fails, with one sentence, when one of them is away. A test that was
 * skipped instead would look like one that passed.
 */
import { systemClock } from "../../shared/runtime/clock.ts";
import { readConfig } from "../../shared/runtime/configuration/config.ts";
import { deadline } from "../../shared/runtime/deadline.ts";

/** Where tests find the servers. Tests run without permission to read the environment, so these are the defaults. */
export const servers = readConfig(["RABBITMQ_URL", "REDIS_URL", "DATABASE_URL"], () => undefined);

const connectTimeoutMs = 2_000;
const names = { RABBITMQ_URL: "RabbitMQ", REDIS_URL: "Redis", DATABASE_URL: "Postgres" } as const;

const missing = (await Promise.all(
  Object.entries(servers).map(async ([setting, url]) => await answers(url) ? [] : [setting as keyof typeof servers]),
)).flat();
if (missing.length > 0) {
  const list = missing.map((setting) => `${names[setting]} (${new URL(servers[setting]).host})`).join(", ");
  const error = new Error(
    `These tests need servers that do not answer: ${list}. Run \`deno task up\`, then try again.`,
  );
  // A stack trace would hide the sentence.
  error.stack = "";
  throw error;
}

async function answers(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const connecting = Deno.connect({ hostname, port: Number(port) });
  const exceeded = () => new Error("no answer");
  try {
    (await deadline(connecting, { ms: connectTimeoutMs, clock: systemClock, exceeded })).close();
    return true;
  } catch {
    return false;
  }
}

/** A name that no other test run has: `test.3f9c01a2`. */
export function uniqueName(prefix = "test"): string {
  return `${prefix}.${crypto.randomUUID().slice(0, 8)}`;
}
