/** Stops what `up` has started, and nothing else. */
import { composeStop, removeVolumes } from "./compose.ts";
import { changeState, foldersOf, readState, withLock } from "./folder.ts";
import { isListening } from "./probe.ts";
import { isRunning, type Process, serverOf, stop } from "./process.ts";
import { type ServerConfig, type ServerName, serverNames, titles, urlOf } from "./server.ts";

export interface DownOptions {
  readonly project: string;
  /** Only these; all that `up` has started if left out. */
  readonly only?: readonly ServerName[];
  /** Removes the servers' data, of all that are not left running. */
  readonly deleteData?: boolean;
  /** Says which servers at these addresses are left running, as others have started them. */
  readonly config?: ServerConfig;
  readonly say: (sentence: string) => void;
}

/** RabbitMQ takes its time to leave in order. */
const graceMs = 30_000;

export async function down(options: DownOptions): Promise<void> {
  let stopped = 0;
  for (const folder of await foldersOf(options.project)) {
    stopped += await withLock(folder, () => stopAllOf(folder, options));
    if (options.deleteData) {
      await Deno.remove(folder, { recursive: true });
      options.say(`Removed ${folder}`);
    }
  }
  if (stopped === 0) options.say("Nothing that `deno task up` started is running.");
  if (options.config) await tellWhatIsLeft(options.config, options.say);
}

/** @returns how many were stopped */
async function stopAllOf(folder: string, { project, only, deleteData = false, say }: DownOptions): Promise<number> {
  const isWanted = (name: ServerName) => deleteData || only === undefined || only.includes(name);
  const { processes, composed, volumes } = await readState(folder);
  const stopped = await Promise.all(
    serverNames.filter(isWanted).map(async (name) => {
      let count = 0;
      // The broker leaves before the name service that it is registered with.
      for (const process of processes.filter((each) => serverOf(each) === name).toReversed()) {
        if (!await isRunning(process)) continue;
        const forced = await stop(process, graceMs);
        say(`Stopped ${titleOf(process)} (pid ${process.pid})${forced ? `, by force after ${graceMs} ms` : ""}`);
        count++;
      }
      return count;
    }),
  );
  const containers = composed.filter(isWanted);
  if (containers.length > 0) {
    await composeStop(project, containers);
    say(`Stopped the containers of ${containers.map((name) => titles[name]).join(", ")}`);
  }
  if (deleteData && volumes.length > 0) {
    await removeVolumes(project, volumes);
    say(`Removed the volumes of ${volumes.map((name) => titles[name]).join(", ")}`);
  }
  await changeState(folder, () => ({
    processes: processes.filter((process) => !isWanted(serverOf(process))),
    composed: composed.filter((name) => !isWanted(name)),
    volumes: deleteData ? [] : volumes,
  }));
  return stopped.reduce((sum, count) => sum + count, containers.length);
}

async function tellWhatIsLeft(config: ServerConfig, say: (sentence: string) => void): Promise<void> {
  for (const name of serverNames) {
    const url = urlOf(name, config);
    if (await isListening(url)) {
      say(`Left what runs at ${url.host} (${titles[name]}): \`deno task up\` did not start it.`);
    }
  }
}

function titleOf(process: Process): string {
  return process.name === "epmd" ? "RabbitMQ's epmd" : titles[serverOf(process)];
}
