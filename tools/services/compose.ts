/** Runs the servers in containers, where a Docker engine answers. */
import { runProgram, succeeds } from "../run_program.ts";
import { changeState, dataFolder, projectKey } from "./folder.ts";
import { untilItLetsUsIn } from "./database.ts";
import { credentialsOf, type ServerConfig, type ServerName, titles, urlOf, type Way } from "./server.ts";

const answerMs = 5_000;

export async function hasDockerEngine(): Promise<boolean> {
  return await succeeds("docker", ["compose", "version"], { deadlineMs: answerMs }) &&
    await succeeds("docker", ["info"], { deadlineMs: answerMs });
}

export const inContainers: Way = {
  prepare: (_names, { project }) => dataFolder(project, []),

  async start(names, folder, options) {
    const { project, config, say } = options;
    await changeState(folder, ({ composed, volumes }) => ({
      composed: [...new Set([...composed, ...names])],
      volumes: [...new Set([...volumes, ...names])],
    }));
    const list = names.map((name) => titles[name]).join(", ");
    say(`Starting ${list} with Docker Compose, which fetches their images first if need be…`);
    const begun = performance.now();
    await compose(project, ["up", "--detach", "--wait", ...names], composeVariables(config));
    const log = `docker compose --project-name ${composeName(project)} logs`;
    await Promise.all(names.map((name) => untilItLetsUsIn(name, options, log, begun)));
  },
};

export async function composeStop(project: string, names: readonly ServerName[]): Promise<void> {
  await compose(project, ["rm", "--stop", "--force", ...names]);
}

/** Requires that the containers are removed. */
export async function removeVolumes(project: string, names: readonly ServerName[]): Promise<void> {
  await runProgram("docker", ["volume", "rm", "--force", ...names.map((name) => `${composeName(project)}_${name}`)]);
}

/** Returns the Compose project name of this checkout, so that two checkouts share neither containers nor data. */
export function composeName(project: string): string {
  return `casino-events-${projectKey(project)}`;
}

/** Returns the variables of compose.yaml, from the configured URLs. */
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
