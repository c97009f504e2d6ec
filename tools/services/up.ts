/** Brings the servers up. */
import { isLoopback } from "../../shared/runtime/hosts.ts";
import { hasDockerEngine, inContainers } from "./compose.ts";
import { createDatabase } from "./database.ts";
import { withLock } from "./folder.ts";
import { fromPackages } from "./native/start.ts";
import { probe } from "./probe.ts";
import {
  allOrProblems,
  type Answer,
  type ServerConfig,
  type ServerName,
  serverNames,
  ServiceError,
  settingOf,
  titles,
  urlOf,
  type WayOptions,
} from "./server.ts";

export interface UpOptions extends WayOptions {
  /** Whether to use Docker Compose; by default, when an engine answers. */
  readonly inContainers?: () => Promise<boolean>;
}

/**
 * What answers at its address already is used. What does not is started, with Docker Compose where an engine answers,
 * else from the system's packages, which root installs with apt; anybody else is told the one line that installs them.
 * What was started is written down for `down`.
 * @returns the servers that this call has started
 * @throws {ServiceError}
 */
export async function up(options: UpOptions): Promise<ServerName[]> {
  const absent = await useThoseThatAnswer(serverNames, options);
  if (absent.length === 0) return [];
  absent.forEach((name) => mustBeStartable(name, options.config));

  const dockerAnswers = options.inContainers ?? hasDockerEngine;
  const way = await dockerAnswers() ? inContainers : fromPackages;
  const folder = await way.prepare(absent, options);
  return await withLock(folder, async () => {
    // Another `up` may have started some while we waited.
    const remaining = await useThoseThatAnswer(absent, options);
    if (remaining.length > 0) await way.start(remaining, folder, options);
    return remaining;
  });
}

/** @returns those that do not answer @throws {ServiceError} with one sentence for each that cannot be used */
async function useThoseThatAnswer(names: readonly ServerName[], options: UpOptions): Promise<ServerName[]> {
  const used = await allOrProblems(names.map((name) => useIfItAnswers(name, options)));
  return names.filter((_, index) => !used[index]);
}

/** @returns whether it answers, and can be used */
async function useIfItAnswers(name: ServerName, { config, project, say }: UpOptions): Promise<boolean> {
  const url = urlOf(name, config);
  let answer = await probe(name, url);
  if (answer.kind === "bare") {
    await createDatabase(url, project, answer);
    say(`${titles[name]}: made what was missing of the role and the database in ${settingOf[name]}`);
    answer = await probe(name, url);
  }
  if (answer.kind === "absent") return false;
  if (answer.kind !== "fits") throw new ServiceError(cannotBeUsed(name, url, answer));
  say(`${titles[name]} ${answer.version} answers at ${url.host}`);
  return true;
}

function cannotBeUsed(name: ServerName, url: URL, { problem }: Answer & { problem: string }): string {
  return `${titles[name]} cannot be used at ${url.host}: ${problem}. Stop what runs there, or set ` +
    `${settingOf[name]} to another address or other credentials.`;
}

function mustBeStartable(name: ServerName, config: ServerConfig): void {
  const url = urlOf(name, config);
  const server = `${titles[name]} does not answer at ${url.host}`;
  if (!isLoopback(url.hostname)) throw new ServiceError(`${server}, and we start servers on this machine only.`);
  if (/^(amqps|rediss):$/.test(url.protocol)) {
    throw new ServiceError(
      `${server}, and we start servers without TLS only: set ${settingOf[name]} to a URL without.`,
    );
  }
}
