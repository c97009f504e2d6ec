/** Stops what `up` has started, and nothing else. */
import { composeStop } from "./compose.ts";
import { foldersOf, readState, writeState } from "./folder.ts";
import { isRunning, stop } from "./process.ts";
import { type Process, type ServerName, titles } from "./server.ts";

export interface DownOptions {
  readonly project: string;
  /** Only these; all that `up` has started if left out. */
  readonly only?: readonly ServerName[];
  readonly deleteData?: boolean;
  readonly say: (sentence: string) => void;
}

/** RabbitMQ takes its time to leave in order. */
const graceMs = 30_000;

export async function down({ project, only, deleteData = false, say }: DownOptions): Promise<void> {
  let found = false;
  for (const folder of await foldersOf(project)) {
    const { processes, composed } = await readState(folder);
    const ours = processes.filter((process) => isWanted(serverOf(process)));
    // The broker leaves before the name service that it is registered with.
    for (const process of ours.toReversed()) {
      if (!await isRunning(process)) continue;
      found = true;
      const forced = await stop(process, graceMs);
      say(`Stopped ${titleOf(process)} (pid ${process.pid})${forced ? ", by force" : ""}`);
    }
    const containers = composed.filter(isWanted);
    if (containers.length > 0) {
      found = true;
      await composeStop(project, containers, deleteData);
      say(`Stopped the containers of ${containers.map((name) => titles[name]).join(", ")}`);
    }
    await writeState(folder, {
      processes: processes.filter((process) => !ours.includes(process)),
      composed: composed.filter((name) => !containers.includes(name)),
    });
    if (deleteData) {
      await Deno.remove(folder, { recursive: true });
      say(`Removed ${folder}`);
    }
  }
  if (!found) say("Nothing that `deno task up` started is running.");

  function isWanted(name: ServerName): boolean {
    return only === undefined || only.includes(name);
  }
}

function serverOf({ name }: Process): ServerName {
  return name === "epmd" ? "rabbitmq" : name as ServerName;
}

function titleOf(process: Process): string {
  return process.name === "epmd" ? "RabbitMQ's epmd" : titles[serverOf(process)];
}
