/** The servers in containers, where a Docker engine answers. */
import { runToEnd } from "./process.ts";
import { delay, type ServerName } from "./server.ts";

const answerMs = 3_000;

export async function hasDockerEngine(): Promise<boolean> {
  const asking = runToEnd("docker", ["compose", "version"]).then(() => runToEnd("docker", ["info"])).then(
    () => true,
    () => false,
  );
  return await Promise.race([asking, delay(answerMs).then(() => false)]);
}

export async function composeUp(project: string, names: readonly ServerName[]): Promise<void> {
  await runToEnd("docker", ["compose", "up", "--detach", "--wait", ...names], { cwd: project });
}

export async function composeStop(project: string, names: readonly ServerName[], deleteData: boolean): Promise<void> {
  await runToEnd("docker", ["compose", "rm", "--stop", "--force", ...(deleteData ? ["--volumes"] : []), ...names], {
    cwd: project,
  });
}
