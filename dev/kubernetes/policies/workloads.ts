/**
 * Policies for workloads: their containers' confinement, resources, probes and pinned images; the number of replicas,
 * their spread over nodes, and the time that they get to stop.
 */
import {
  ends,
  environmentOf,
  faultsOfContainers,
  idOf,
  type Json,
  type Manifest,
  matches,
  ofKind,
  type Workload,
  workloadsOf,
} from "../manifest.ts";

/** Workloads without probes: they serve nothing, and exit when they cannot continue. */
const withoutProbes = new Set(["Deployment/publisher"]);

export function podsAreApart(manifests: readonly Manifest[]): string[] {
  return workloadsOf(manifests).flatMap(({ id, pod }) => {
    const faults: string[] = [];
    if (pod.automountServiceAccountToken !== false) faults.push("mounts a token for the API server");
    if (pod.hostNetwork || pod.hostPID || pod.hostIPC) faults.push("shares namespaces with its node");
    if ((pod.volumes ?? []).some((volume: Json) => volume.hostPath)) faults.push("mounts a path of its node");
    if (pod.enableServiceLinks !== false) faults.push("receives variables for every service");
    return faults.map((fault) => `${id} ${fault}`);
  });
}

export function containersAreConfined(manifests: readonly Manifest[]): string[] {
  return faultsOfContainers(manifests, ({ container, workload: { pod } }) => {
    const context = { ...pod.securityContext, ...container.securityContext };
    const { drop = [], add = [] } = context.capabilities ?? {};
    const faults: string[] = [];
    if (context.runAsNonRoot !== true || !(context.runAsUser > 0)) faults.push("may run as root");
    if (context.readOnlyRootFilesystem !== true) faults.push("may write to its root file system");
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
      /:(?!latest$)[\w.-]+$|@sha256:[0-9a-f]{64}$/.test(image) ? [] : [`runs ${image}, whose content can change`],
  );
}

export function containersAreProbed(manifests: readonly Manifest[]): string[] {
  const probes = ["startupProbe", "livenessProbe", "readinessProbe"];
  return faultsOfContainers(manifests, ({ container, workload }) => {
    if (ends(workload) || withoutProbes.has(workload.id) || !workload.containers.includes(container)) return [];
    return probes.filter((probe) => !container[probe]).map((probe) => `has no ${probe}`);
  });
}

/** A replicated workload keeps replicas while a node is drained, and spreads them over nodes. */
export function replicasOutliveADrain(manifests: readonly Manifest[]): string[] {
  const budgets = ofKind(manifests, "PodDisruptionBudget");
  return workloadsOf(manifests).filter((workload) => isReplicated(workload, manifests)).flatMap((workload) => {
    const faults: string[] = [];
    const budget = budgets.find(({ spec }) => matches(spec.selector, workload.labels));
    if (!budget) faults.push("has no PodDisruptionBudget");
    else if (budget["spec"].maxUnavailable !== 1) faults.push(`may lose more than one pod at once: ${idOf(budget)}`);
    for (const topology of ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]) {
      const spread = (workload.pod.topologySpreadConstraints ?? []).some((
        constraint: { topologyKey: string; labelSelector: unknown },
      ) => constraint.topologyKey === topology && matches(constraint.labelSelector, workload.labels));
      if (!spread) faults.push(`is not spread over ${topology}`);
    }
    return faults.map((fault) => `${workload.id} ${fault}`);
  });
}

function isReplicated(workload: Workload, manifests: readonly Manifest[]): boolean {
  if (ends(workload)) return false;
  const { manifest } = workload;
  const scaled = ofKind(manifests, "ScaledObject").some(({ spec }) =>
    spec.scaleTargetRef.name === manifest.metadata.name
  );
  return scaled || manifest["spec"].replicas !== 1;
}

/** The longest graceful shutdown, including closing, ends before the kubelet kills the pod. */
export function thereIsTimeToLeave(manifests: readonly Manifest[]): string[] {
  return workloadsOf(manifests).flatMap(({ id, pod, containers }) => {
    const graces = containers.map((container) => Number(environmentOf(container, manifests)["SHUTDOWN_GRACE_MS"] ?? 0));
    const needed = (Math.max(...graces) + closingMs) / 1000;
    const given = pod.terminationGracePeriodSeconds ?? 30;
    return given > needed ? [] : [`${id} is killed after ${given} s, but may need ${needed} s to shut down`];
  });
}

/** Time for the steps after SHUTDOWN_GRACE_MS in shared/runtime/shutdown.ts. */
const closingMs = 5_000;

/** A subscriber's pool, plus those of its HTTP side and its keeper of dead letters (subscriber/main.ts). */
const connectionsEach = 5;
/** superuser_reserved_connections, plus the operator, a migration, people and readers. */
const connectionsOfOthers = 3 + 20;

/** Postgres has enough connections for the maximum number of subscribers, plus one that starts and one that stops. */
export function scalingIsBearable(manifests: readonly Manifest[]): string[] {
  return ofKind(manifests, "ScaledObject").flatMap(({ metadata, spec }) => {
    const [cluster] = ofKind(manifests, "Cluster");
    const stated = cluster?.["spec"].postgresql.parameters.max_connections ??
      metadata.annotations?.["casino-events/postgres-max-connections"];
    const bearable = Number(stated) - connectionsOfOthers;
    const most = (spec.maxReplicaCount + 2) * connectionsEach;
    const faults = most <= bearable ? [] : [`may open ${most} connections to Postgres, which has ${bearable} for them`];
    if (!(spec.minReplicaCount >= 2)) faults.push("may keep only one subscriber");
    if (spec.fallback && spec.fallback.behavior !== "currentReplicasIfHigher") {
      faults.push("stops subscribers when it cannot read the queue");
    }
    const target = workloadsOf(manifests).find(({ id }) => id === `Deployment/${spec.scaleTargetRef.name}`);
    if (!target) faults.push("scales a missing Deployment");
    else if (target.manifest["spec"].replicas !== undefined) {
      faults.push("conflicts with the replicas of its Deployment");
    }
    return faults.map((fault) => `ScaledObject/${metadata.name} ${fault}`);
  });
}
