/** How containers run: confined, bounded, watched, and from an image that stays what it is. */
import { ends, faultsOfContainers, type Json, type Manifest, workloadsOf } from "../manifest.ts";

/** Nothing asks them how they are: they serve nothing, and end when they cannot go on. */
const withoutProbes = new Set(["Deployment/publisher"]);

export function podsAreApart(manifests: readonly Manifest[]): string[] {
  return workloadsOf(manifests).flatMap(({ id, pod }) => {
    const faults: string[] = [];
    if (pod.automountServiceAccountToken !== false) faults.push("mounts a token for the API server");
    if (pod.hostNetwork || pod.hostPID || pod.hostIPC) faults.push("shares namespaces with its node");
    if ((pod.volumes ?? []).some((volume: Json) => volume.hostPath)) faults.push("mounts a path of its node");
    if (pod.enableServiceLinks !== false) faults.push("gets the environment of every service");
    return faults.map((fault) => `${id} ${fault}`);
  });
}

export function containersAreConfined(manifests: readonly Manifest[]): string[] {
  return faultsOfContainers(manifests, ({ container, workload: { pod } }) => {
    const context = { ...pod.securityContext, ...container.securityContext };
    const { drop = [], add = [] } = context.capabilities ?? {};
    const faults: string[] = [];
    if (context.runAsNonRoot !== true || !(context.runAsUser > 0)) faults.push("may run as root");
    if (context.readOnlyRootFilesystem !== true) faults.push("may write to its root");
    if (context.allowPrivilegeEscalation !== false || context.privileged) faults.push("may gain privileges");
    if (!drop.includes("ALL") || add.length > 0) faults.push("keeps capabilities");
    if (context.seccompProfile?.type !== "RuntimeDefault") faults.push("may make every system call");
    return faults;
  });
}

export function resourcesAreBounded(manifests: readonly Manifest[]): string[] {
  const wanted = ["requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];
  return faultsOfContainers(manifests, ({ container: { resources = {} } }) =>
    wanted.filter((name) => {
      const [bound, what] = name.split(".");
      return resources[bound!]?.[what!] === undefined;
    }).map((name) => `has no ${name}`));
}

export function imagesArePinned(manifests: readonly Manifest[]): string[] {
  return faultsOfContainers(
    manifests,
    ({ container: { image } }) =>
      /:(?!latest$)[\w.-]+$|@sha256:[0-9a-f]{64}$/.test(image) ? [] : [`runs ${image}, which may be anything`],
  );
}

export function containersAreProbed(manifests: readonly Manifest[]): string[] {
  const probes = ["startupProbe", "livenessProbe", "readinessProbe"];
  return faultsOfContainers(manifests, ({ container, workload }) => {
    if (ends(workload) || withoutProbes.has(workload.id) || !workload.containers.includes(container)) return [];
    return probes.filter((probe) => !container[probe]).map((probe) => `has no ${probe}`);
  });
}
