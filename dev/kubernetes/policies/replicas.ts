/** Replicas: their number, their spread over nodes, and the time that they get to stop. */
import { ends, environmentOf, idOf, type Manifest, matches, ofKind, type Workload, workloadsOf } from "../manifest.ts";

/** A replicated workload keeps replicas when a node is drained, and does not have all on one node. */
export function replicasOutliveADrain(manifests: readonly Manifest[]): string[] {
  const budgets = ofKind(manifests, "PodDisruptionBudget");
  return workloadsOf(manifests).filter((workload) => isReplicated(workload, manifests)).flatMap((workload) => {
    const faults: string[] = [];
    const budget = budgets.find(({ spec }) => matches(spec.selector, workload.labels));
    if (!budget) faults.push("has no PodDisruptionBudget");
    else if (budget["spec"].maxUnavailable !== 1) faults.push(`may lose more than one at once by ${idOf(budget)}`);
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

/** The longest orderly shutdown, closing included, is over before the kubelet kills. */
export function thereIsTimeToLeave(manifests: readonly Manifest[]): string[] {
  return workloadsOf(manifests).flatMap(({ id, pod, containers }) => {
    const graces = containers.map((container) => Number(environmentOf(container, manifests)["SHUTDOWN_GRACE_MS"] ?? 0));
    const needed = (Math.max(...graces) + closingMs) / 1000;
    const given = pod.terminationGracePeriodSeconds ?? 30;
    return given > needed ? [] : [`${id} is killed after ${given} s, and may need ${needed} s to leave`];
  });
}

/** shared/runtime/shutdown.ts: what comes after SHUTDOWN_GRACE_MS. */
const closingMs = 5_000;

/** A subscriber's pool and the one of its HTTP side (subscriber/main.ts). */
const connectionsEach = 4;
/** superuser_reserved_connections; the operator, a migration, people and readers. */
const connectionsOfOthers = 3 + 20;

/** All subscribers that there may be at once, with one that comes and one that leaves, find a connection. */
export function scalingIsBearable(manifests: readonly Manifest[]): string[] {
  return ofKind(manifests, "ScaledObject").flatMap(({ metadata, spec }) => {
    const [cluster] = ofKind(manifests, "Cluster");
    const stated = cluster?.["spec"].postgresql.parameters.max_connections ??
      metadata.annotations?.["casino-events/postgres-max-connections"];
    const bearable = Number(stated) - connectionsOfOthers;
    const most = (spec.maxReplicaCount + 2) * connectionsEach;
    const faults = most <= bearable ? [] : [`may take ${most} connections to Postgres, which has ${bearable} for them`];
    if (!(spec.minReplicaCount >= 2)) faults.push("may leave a single subscriber");
    if (spec.fallback && spec.fallback.behavior !== "currentReplicasIfHigher") {
      faults.push("takes subscribers away when it cannot see the queue");
    }
    const target = workloadsOf(manifests).find(({ id }) => id === `Deployment/${spec.scaleTargetRef.name}`);
    if (!target) faults.push("scales what is not there");
    else if (target.manifest["spec"].replicas !== undefined) faults.push("is undone by a number of replicas");
    return faults.map((fault) => `ScaledObject/${metadata.name} ${fault}`);
  });
}
