/** Whatever leads to a port of some pods leads to pods, and to a port that they have. */
import {
  idOf,
  type Json,
  type Labels,
  type Manifest,
  matches,
  ofKind,
  type Workload,
  workloadsOf,
} from "../manifest.ts";

export function portsExist(manifests: readonly Manifest[]): string[] {
  const faults = waysIn(manifests).flatMap(({ from, pods, ports }) =>
    pods.flatMap((pod) =>
      ports.filter((port) => lacks(pod, port)).map((port) => `${from} leads to ${port}, which ${pod.id} has not`)
    )
  );
  return [...new Set(faults)];
}

/** Services and PodMonitors; the pods may be an operator's. */
export function selectorsFindPods(manifests: readonly Manifest[]): string[] {
  const labels = [...workloadsOf(manifests).map(({ labels }) => labels), ...podsOfOperators(manifests)];
  return selecting(manifests).filter(({ selector }) => !labels.some((each) => matches(selector, each)))
    .map(({ from }) => `${from} selects nothing`);
}

interface WayIn {
  readonly from: string;
  readonly pods: readonly Workload[];
  /** By name, or by number. */
  readonly ports: readonly Json[];
}

function waysIn(manifests: readonly Manifest[]): WayIn[] {
  const workloads = workloadsOf(manifests);
  const selected = (selector: Json) => workloads.filter(({ labels }) => matches(selector, labels));
  return [
    ...workloads.map((pod) => ({
      from: `a probe of ${pod.id}`,
      pods: [pod],
      ports: pod.containers.flatMap(probedPorts),
    })),
    ...selecting(manifests).map(({ from, selector, ports }) => ({ from, pods: selected(selector), ports })),
    ...ofKind(manifests, "NetworkPolicy").map((policy) => ({
      from: idOf(policy),
      pods: selected(policy["spec"].podSelector),
      ports: (policy["spec"].ingress ?? []).flatMap(({ ports = [] }: Json) => ports.map(({ port }: Json) => port)),
    })),
  ];
}

function selecting(manifests: readonly Manifest[]): { from: string; selector: Json; ports: Json[] }[] {
  const services = ofKind(manifests, "Service").map((service) => {
    // A label that a StatefulSet gives to one of its pods.
    const { "statefulset.kubernetes.io/pod-name": _, ...matchLabels } = service["spec"].selector;
    const ports = service["spec"].ports.map(({ targetPort }: Json) => targetPort);
    return { from: idOf(service), selector: { matchLabels }, ports };
  });
  const monitors = ofKind(manifests, "PodMonitor").map((monitor) => ({
    from: idOf(monitor),
    selector: monitor["spec"].selector,
    ports: monitor["spec"].podMetricsEndpoints.map(({ port }: Json) => port),
  }));
  return [...services, ...monitors];
}

function probedPorts({ startupProbe, livenessProbe, readinessProbe }: Json): Json[] {
  return [startupProbe, livenessProbe, readinessProbe]
    .map((probe) => probe?.httpGet?.port ?? probe?.grpc?.port ?? probe?.tcpSocket?.port)
    .filter((port) => port !== undefined);
}

function lacks({ containers }: Workload, port: Json): boolean {
  const ports: Json[] = containers.flatMap(({ ports = [] }) => ports);
  return !ports.some(({ name, containerPort }) => name === port || containerPort === port);
}

/** Labels of the pods that operators make of their resources, as their documentation has them. */
function podsOfOperators(manifests: readonly Manifest[]): Labels[] {
  return [
    ...ofKind(manifests, "RabbitmqCluster").map(({ metadata: { name } }) => ({ "app.kubernetes.io/name": name })),
    ...ofKind(manifests, "Cluster").map(({ metadata: { name } }) => ({ "cnpg.io/cluster": name })),
  ];
}
