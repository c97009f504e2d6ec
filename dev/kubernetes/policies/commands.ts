/** Policies for the environment and the command line of each container. */
import { faultsOfContainers, type Json, type Manifest, type Started } from "../manifest.ts";
import configuration from "../../../deno.json" with { type: "json" };
import { expandPermissions } from "../../../tools/tasks/task_line.ts";
import { settingNames, variablesOf } from "../../../shared/runtime/configuration/config.ts";

/** Settings of shared/runtime/configuration/config.ts, and the files that may contain them. */
const settings = new Set(variablesOf(settingNames));

/** Names for `$(NAME)` in commands, and variables that Deno and the servers' images read. */
const others = /^(?:(?:RABBITMQ|REDIS|POSTGRES|RATES_API)_HOST|OTEL_[A-Z_]+|PGDATA|POSTGRES_PASSWORD_FILE)$/;

const secrets = settingNames.filter((name) => variablesOf([name]).includes(`${name}_FILE`));

export function variablesAreSettings(manifests: readonly Manifest[]): string[] {
  return faultsOfContainers(
    manifests,
    ({ environment }) =>
      Object.keys(environment).filter((name) => !settings.has(name) && !others.test(name))
        .map((name) => `sets ${name}, which no setting reads`),
  );
}

export function secretsAreInFiles(manifests: readonly Manifest[]): string[] {
  return faultsOfContainers(manifests, ({ container, environment }) => {
    const inText = Object.entries(environment).filter(([name, value]) =>
      (secrets as readonly string[]).includes(name) || /PASSWORD$|TOKEN$/.test(name) || /\/\/[^/]*:[^/]*@/.test(value)
    );
    const byReference = (container.env ?? []).filter(({ valueFrom }: Json) => valueFrom?.secretKeyRef);
    const whole = (container.envFrom ?? []).filter(({ secretRef }: Json) => secretRef);
    return [
      ...inText.map(([name]) => `has a secret in the variable ${name}`),
      ...byReference.map(({ name }: Json) => `reads the secret ${name} from a variable, not from a file`),
      ...whole.map(({ secretRef }: Json) => `reads all of ${secretRef.name} from variables, not from files`),
    ];
  });
}

/**
 * Deno's permissions, including those of the set in deno.json, name hosts, variables and folders, and include each
 * variable that is set.
 */
export function permissionsAreNarrow(manifests: readonly Manifest[]): string[] {
  return faultsOfContainers(manifests, (started) => {
    const { args: command, environment } = started;
    if (!command[0]?.endsWith("deno")) return [];
    const args = expandPermissions(command, configuration.permissions);
    const listed = (flag: string) =>
      args.filter((arg) => arg.startsWith(`${flag}=`)).flatMap((arg) => arg.slice(flag.length + 1).split(","));
    const allowed = listed("--allow-env");
    const unreadable = Object.keys(environment).filter((name) =>
      name.endsWith("_FILE") && settings.has(name) && !allowed.includes(name)
    );
    return [
      ...args.filter((arg) => /^(?:-A|--allow-all|--allow-[a-z]+)$/.test(arg))
        .map((arg) => `requests ${arg} without a list`),
      ...args.filter((arg) => /^--allow-(?:write|run|ffi|import)/.test(arg) && !isOwnVolume(arg, started))
        .map((arg) => `requests ${arg}`),
      ...args.filter((arg) => arg.includes("$(")).map((arg) => `has ${arg}, which has no value`),
      ...listed("--allow-net").filter((host) => !/:\d+$/.test(host) || host.includes("/"))
        .map((host) => `may connect to ${host}, which is not one host and port`),
      ...allowed.filter((name) => !settings.has(name)).map((name) => `may read ${name}, which is not a setting`),
      ...unreadable.map((name) => `may not read ${name}`),
      ...args.includes("--no-prompt") ? [] : ["has no --no-prompt"],
    ];
  });
}

/** Returns whether the permission is to write to a volume of its own. */
function isOwnVolume(arg: string, { container, workload: { pod } }: Started): boolean {
  const own = (pod.volumes ?? []).filter((volume: Json) => volume.persistentVolumeClaim).map(({ name }: Json) => name);
  return (container.volumeMounts ?? []).some(({ name, mountPath }: Json) =>
    own.includes(name) && arg === `--allow-write=${mountPath}`
  );
}
