/** A way to start servers, and the wait until they accept our credentials. */
import { createDatabase } from "./database.ts";
import { probe } from "./probe.ts";
import { delay, type ServerConfig, type ServerName, ServiceError, titles, urlOf } from "./server.ts";

export interface WayOptions {
  readonly config: ServerConfig;
  /** The project's root. */
  readonly project: string;
  readonly say: (sentence: string) => void;
}

/** One way to start servers that do not answer. */
export interface Way {
  /** Sees that all is there that it takes. @returns the folder whose state remembers what was started */
  prepare(names: readonly ServerName[], options: WayOptions): Promise<string>;
  /** Starts them, and waits until they let us in. Only one call at a time for a folder. */
  start(names: readonly ServerName[], folder: string, options: WayOptions): Promise<void>;
}

/** Longest time that a server may refuse us after it listens. */
const admitTimeoutMs = 60_000;

/**
 * A server listens a little before it lets anybody in, and may end in between.
 * @param log where its log is, for the error
 * @param begun when it was started, by `performance.now()`
 * @param mustRun rejects when it has ended
 */
export async function untilItLetsUsIn(
  name: ServerName,
  { config, project, say }: WayOptions,
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
        `${titles[name]} was started at ${url.host}, but cannot be used: ${problem}. Its log: ${log}. ` +
          "When its data are of other credentials, `deno task down --delete-data` removes them.",
      );
    }
    await delay(200);
  }
}
