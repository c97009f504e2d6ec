/** The servers in containers, where a Docker engine answers. */
import { projectKey } from "./folder.ts";
import { runProgram } from "../run_program.ts";
import { credentialsOf, type ServerConfig, type ServerName, urlOf } from "./server.ts";

const answerMs = 5_000;

export async function hasDockerEngine(): Promise<boolean> {
  try {
    await runProgram("docker", ["compose", "version"], { deadlineMs: answerMs });
    await runProgram("docker", ["info"], { deadlineMs: answerMs });
    return true;
  } catch {
    return false;
  }
}

/** May take minutes the first time, while the images are fetched. */
export async function composeUp(project: string, names: readonly ServerName[], config: ServerConfig): Promise<void> {
  await compose(project, ["up", "--detach", "--wait", ...names], composeVariables(config));
}

export async function composeStop(project: string, names: readonly ServerName[]): Promise<void> {
  await compose(project, ["rm", "--stop", "--force", ...names]);
}

/** The containers must be gone. */
export async function removeVolumes(project: string, names: readonly ServerName[]): Promise<void> {
  await runProgram("docker", ["volume", "rm", "--force", ...names.map((name) => `${composeName(project)}_${name}`)]);
}

/** Compose's own name for what belongs to this checkout, so that two do not share containers or data. */
export function composeName(project: string): string {
  return `casino-events-${projectKey(project)}`;
}

/** What compose.yaml takes from the configuration. */
export function composeVariables(config: ServerConfig): Record<string, string> {
  const [rabbitmq, redis, postgres] = [
    urlOf("rabbitmq", config),
    urlOf("redis", config),
    urlOf("postgres", config),
  ];
  const [broker, database] = [credentialsOf(rabbitmq), credentialsOf(postgres)];
  return {
    RABBITMQ_PORT: rabbitmq.port,
    RABBITMQ_USER: broker.user || "guest",
    RABBITMQ_PASSWORD: broker.password || "guest",
    RABBITMQ_VIRTUAL_HOST: broker.path || "/",
    REDIS_PORT: redis.port,
    REDIS_PASSWORD: credentialsOf(redis).password,
    POSTGRES_PORT: postgres.port,
    POSTGRES_USER: database.user || "casino",
    POSTGRES_PASSWORD: database.password || "casino",
    POSTGRES_DATABASE: postgres.pathname.slice(1) || database.user || "casino",
  };
}

async function compose(project: string, args: readonly string[], env: Record<string, string> = {}): Promise<void> {
  const words = ["compose", "--project-name", composeName(project), "--profile", "servers", ...args];
  await runProgram("docker", words, { cwd: project, env });
}
