/** How containers run: confined, bounded, watched, and from an image that stays what it is. */
import { ends, type Json, type Manifest, type Workload, workloadsOf } from "../manifest.ts";

/** Nothing asks them how they are: they serve nothing, and end when they cannot go on. */
const withoutProbes = new Set(["Deployment/publisher"]);

export function containerFaults(manifests: readonly Manifest[]): string[] {
  return workloadsOf(manifests).flatMap((workload) => [
    ...podFaults(workload),
    ...workload.all.flatMap((container) =>
      [...confinementFaults(workload.pod, container), ...resourceFaults(container), ...imageFaults(container)]
        .map((fault) => `${workload.id}: ${container.name} ${fault}`)
    ),
    ...workload.containers.flatMap((container) => probeFaults(workload, container)),
  ]);
}

function podFaults({ id, pod }: Workload): string[] {
  const faults: string[] = [];
  if (pod.automountServiceAccountToken !== false) faults.push("mounts a token for the API server");
  if (pod.hostNetwork || pod.hostPID || pod.hostIPC) faults.push("shares namespaces with its node");
  if ((pod.volumes ?? []).some((volume: Json) => volume.hostPath)) faults.push("mounts a path of its node");
  if (pod.enableServiceLinks !== false) faults.push("gets the environment of every service");
  return faults.map((fault) => `${id} ${fault}`);
}

function confinementFaults(pod: Json, container: Json): string[] {
  const faults: string[] = [];
  const context = { ...pod.securityContext, ...container.securityContext };
  if (context.runAsNonRoot !== true || !(context.runAsUser > 0)) faults.push("may run as root");
  if (context.readOnlyRootFilesystem !== true) faults.push("may write to its root");
  if (context.allowPrivilegeEscalation !== false || context.privileged) faults.push("may gain privileges");
  const { drop = [], add = [] } = context.capabilities ?? {};
  if (!drop.includes("ALL") || add.length > 0) faults.push("keeps capabilities");
  if (context.seccompProfile?.type !== "RuntimeDefault") faults.push("may make every system call");
  return faults;
}

function resourceFaults({ resources = {} }: Json): string[] {
  return ["requests", "limits"].flatMap((bound) =>
    ["cpu", "memory"].filter((what) => resources[bound]?.[what] === undefined).map((what) => `has no ${bound}.${what}`)
  );
}

function imageFaults({ image }: Json): string[] {
  return /:(?!latest$)[\w.-]+$|@sha256:[0-9a-f]{64}$/.test(image) ? [] : [`runs ${image}, which may be anything`];
}

function probeFaults(workload: Workload, container: Json): string[] {
  const { id } = workload;
  if (ends(workload) || withoutProbes.has(id)) return [];
  return ["startupProbe", "livenessProbe", "readinessProbe"].filter((probe) => !container[probe])
    .map((probe) => `${id}: ${container.name} has no ${probe}`);
}
