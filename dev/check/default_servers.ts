/** The addresses at which tests expect the servers. */
import { systemClock } from "../../shared/runtime/clock.ts";
import { readConfig } from "../../shared/runtime/configuration/config.ts";
import { deadline } from "../../shared/runtime/deadline.ts";

/** The defaults, because tests run without permission to read the environment. */
export const defaultServers = readConfig(["RABBITMQ_URL", "REDIS_URL", "DATABASE_URL"], () => undefined);

const connectTimeoutMs = 2_000;
const names = { RABBITMQ_URL: "RabbitMQ", REDIS_URL: "Redis", DATABASE_URL: "Postgres" } as const;

/** Returns one sentence that names the servers that do not answer; `undefined` when all answer. */
export async function serversProblem(): Promise<string | undefined> {
  const missing = (await Promise.all(
    Object.entries(defaultServers).map(async ([setting, url]) =>
      await answers(url) ? [] : [`${names[setting as keyof typeof names]} (${new URL(url).host})`]
    ),
  )).flat();
  if (missing.length === 0) return undefined;
  return `These tests need servers that do not answer: ${missing.join(", ")}. Run \`deno task up\`, then try again.`;
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
