/** Brings the servers up: those that answer are used, the others are started, and remembered for `down`. */
import { isLoopback } from "../../shared/loopback.ts";
import { composeName, composeUp, hasDockerEngine } from "./compose.ts";
import { createDatabase } from "./database.ts";
import { dataFolder, readState, withLock, writeState } from "./folder.ts";
import { startNatively } from "./native/start.ts";
import { probe } from "./probe.ts";
import {
  type Answer,
  delay,
  type ServerConfig,
  type ServerName,
  serverNames,
  ServiceError,
  settingOf,
  titles,
  urlOf,
} from "./server.ts";

export interface UpOptions {
  readonly config: ServerConfig;
  /** The project's root. */
  readonly project: string;
  readonly say: (sentence: string) => void;
  /** Whether Docker Compose is to start what is missing: where an engine answers, if left out. */
  readonly inContainers?: () => Promise<boolean>;
}

/** How long a server that listens may refuse us: it is still waking up. */
const admitTimeoutMs = 60_000;

/** @returns the servers that this call has started @throws {ServiceError} */
export async function up(options: UpOptions): Promise<ServerName[]> {
  const absent = await whichAreAbsent(serverNames, options);
  if (absent.length === 0) return [];
  absent.forEach((name) => mustBeStartable(name, options.config));
  const { inContainers = hasDockerEngine } = options;
  const start = await inContainers() ? startInContainers : startFromPackages;
  return await start(absent, options);
}

/** Those that answer are used. @throws {ServiceError} with one sentence for each that answers but cannot be used */
async function whichAreAbsent(names: readonly ServerName[], options: UpOptions): Promise<ServerName[]> {
  const used = await Promise.allSettled(names.map((name) => useIfItAnswers(name, options)));
  const problems = used.flatMap((result) => result.status === "rejected" ? [String(result.reason.message)] : []);
  if (problems.length > 0) throw new ServiceError(problems.join("\n"));
  return names.filter((_, index) => {
    const result = used[index];
    return result?.status === "fulfilled" && !result.value;
  });
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

async function startInContainers(absent: readonly ServerName[], options: UpOptions): Promise<ServerName[]> {
  const { config, project, say } = options;
  const folder = await dataFolder(project, []);
  return await withLock(folder, async () => {
    const remaining = await whichAreAbsent(absent, options);
    if (remaining.length === 0) return [];
    const before = await readState(folder);
    const composed = [...new Set([...before.composed, ...remaining])];
    const volumes = [...new Set([...before.volumes, ...remaining])];
    await writeState(folder, { ...before, composed, volumes });
    const list = remaining.map((name) => titles[name]).join(", ");
    say(`Starting ${list} with Docker Compose, which fetches their images first if need be…`);
    const begun = performance.now();
    await composeUp(project, remaining, config);
    const log = `docker compose --project-name ${composeName(project)} logs`;
    await Promise.all(remaining.map((name) => untilItLetsUsIn(name, options, log, begun)));
    return remaining;
  });
}

async function startFromPackages(absent: readonly ServerName[], options: UpOptions): Promise<ServerName[]> {
  const begun = performance.now();
  return await startNatively(absent, (names) => whichAreAbsent(names, options), {
    ...options,
    urlOf: (name) => urlOf(name, options.config),
    whenListening: (name, log, mustRun) => untilItLetsUsIn(name, options, log, begun, mustRun),
  });
}

/**
 * A server listens a little before it lets anybody in, and may end in between.
 * @param mustRun rejects when it has ended
 */
async function untilItLetsUsIn(
  name: ServerName,
  { config, project, say }: UpOptions,
  log: string,
  begun: number,
  mustRun: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const url = urlOf(name, config);
  const giveUpAt = performance.now() + admitTimeoutMs;
  while (true) {
    const answer = await probe(name, url);
    if (answer.kind === "fits") {
      const seconds = ((performance.now() - begun) / 1000).toFixed(1);
      return say(`${titles[name]} ${answer.version} started at ${url.host} in ${seconds} s`);
    }
    if (answer.kind === "bare") await createDatabase(url, project, answer);
    await mustRun();
    if (performance.now() > giveUpAt) {
      const problem = answer.kind === "absent" ? "it does not answer" : answer.problem;
      throw new ServiceError(
        `${
          titles[name]
        } was started at ${url.host}, but cannot be used: ${problem}. Its log: ${log}. When its data are ` +
          "of other credentials, `deno task down --delete-data` removes them.",
      );
    }
    await delay(200);
  }
}
