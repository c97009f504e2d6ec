/** What scenarios use of an operator's programs beside the servers' own: curl, and Prometheus's promtool. */
import { aptInstall } from "../../tools/services/packages.ts";

/** Debian has promtool in the package of the server, which is not started. */
const packages = { promtool: "prometheus", curl: "curl" };

/** Installs them where we may. @returns what to run where we may not */
export async function ensureOperatorsPrograms(): Promise<string | undefined> {
  let missing = await missingPackages();
  if (missing.length === 0) return undefined;
  if (Deno.uid() === 0 && await Deno.stat("/usr/bin/apt-get").then(() => true, () => false)) {
    await aptInstall(missing, console.log);
    missing = await missingPackages();
    if (missing.length === 0) return undefined;
  }
  return `The scenarios of alerts and of the runbook need ${missing.join(", ")}: sudo apt-get install -y ` +
    `--no-install-recommends ${missing.join(" ")}`;
}

async function missingPackages(): Promise<string[]> {
  const found = await Promise.all(Object.keys(packages).map((program) => runs(program)));
  return Object.values(packages).filter((_, index) => !found[index]);
}

async function runs(program: string): Promise<boolean> {
  try {
    const silent = { stdin: "null", stdout: "null", stderr: "null" } as const;
    return (await new Deno.Command(program, { args: ["--version"], ...silent }).output()).success;
  } catch {
    return false;
  }
}
