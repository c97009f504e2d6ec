/** What the members get from their environment and their command line. */
import { settingNames, variablesOf } from "../../../shared/config.ts";
import configuration from "../../../deno.json" with { type: "json" };
import { expandPermissions } from "../../tasks/task_line.ts";
import { argumentsOf, environmentOf, type Manifest, workloadsOf } from "../manifest.ts";

/** Settings of shared/config.ts, and the files that may hold them. */
const settings = new Set(variablesOf(settingNames));

/** Names that commands are told by `$(NAME)`, and what Deno and the servers' images read themselves. */
const others = /^(?:(?:RABBITMQ|REDIS|POSTGRES|RATES_API)_HOST|OTEL_[A-Z_]+|PGDATA|POSTGRES_PASSWORD_FILE)$/;

const secrets = settingNames.filter((name) => variablesOf([name]).includes(`${name}_FILE`));

export function environmentFaults(manifests: readonly Manifest[]): string[] {
  return workloadsOf(manifests).flatMap((workload) =>
    workload.all.flatMap((container) => {
      const environment = environmentOf(container, manifests);
      const names = Object.keys(environment);
      const faults = names.filter((name) => !settings.has(name) && !others.test(name))
        .map((name) => `is given ${name}, which nobody reads`);
      for (const [name, value] of Object.entries(environment)) {
        const secret = (secrets as readonly string[]).includes(name) || /PASSWORD$|TOKEN$/.test(name);
        if (secret || /\/\/[^/]*:[^/]*@/.test(value)) faults.push(`is given a secret as ${name}`);
      }
      for (const { name, valueFrom } of container.env ?? []) {
        if (valueFrom?.secretKeyRef) faults.push(`is given the secret ${name} outside of a file`);
      }
      for (const { secretRef } of container.envFrom ?? []) {
        if (secretRef) faults.push(`is given all of ${secretRef.name} outside of files`);
      }
      return [...faults, ...commandFaults(argumentsOf(container, manifests), environment)]
        .map((fault) => `${workload.id}: ${container.name} ${fault}`);
    })
  );
}

/** Deno's permissions: no more than named hosts, variables and folders, and each variable that is set. */
function commandFaults(command: readonly string[], environment: Readonly<Record<string, string>>): string[] {
  if (!command[0]?.endsWith("deno")) return [];
  const args = expandPermissions(command, configuration.permissions);
  const faults = args.filter((arg) =>
    /^(?:-A|--allow-all|--allow-(?:net|env|read|write|run|ffi|sys|import))$/.test(arg)
  )
    .map((arg) => `asks for ${arg} without saying which`);
  faults.push(...args.filter((arg) => /^--allow-(?:write|run|ffi|import)/.test(arg)).map((arg) => `asks for ${arg}`));
  faults.push(
    ...args.filter((arg) => arg.includes("$(")).map((arg) => `has ${arg}, of which the kubelet knows no value`),
  );
  const hosts = args.filter((arg) => arg.startsWith("--allow-net=")).flatMap((arg) => arg.slice(12).split(","));
  faults.push(
    ...hosts.filter((host) => !/:\d+$/.test(host) || host.includes("/"))
      .map((host) => `may connect to ${host}, which is not one host and port`),
  );
  const allowed = args.find((arg) => arg.startsWith("--allow-env="))?.slice("--allow-env=".length).split(",") ?? [];
  faults.push(
    ...allowed.filter((name) => !settings.has(name)).map((name) => `may read ${name}, which is no setting`),
    ...Object.keys(environment).filter((name) =>
      name.endsWith("_FILE") && settings.has(name) && !allowed.includes(name)
    )
      .map((name) => `may not read ${name}`),
  );
  if (!args.includes("--no-prompt")) faults.push("would ask for permissions where nobody answers");
  return faults;
}
