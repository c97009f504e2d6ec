/** Every pod accepts and opens only the connections that it uses, and both ends of each connection allow it. */
import {
  argumentsOf,
  environmentOf,
  idOf,
  type Json,
  type Labels,
  type Manifest,
  matches,
  ofKind,
  type Workload,
  workloadsOf,
} from "../manifest.ts";

/**
 * These may reach any address: the API server's and object stores' addresses are not known here. The pods are
 * operators'.
 */
const mayReachAll = new Set(["NetworkPolicy/rabbitmq", "NetworkPolicy/postgres"]);

export function podsAreUnderPolicies(manifests: readonly Manifest[]): string[] {
  return workloadsOf(manifests).flatMap((workload) => {
    const own = policiesOf(workload, manifests);
    return ["Ingress", "Egress"].filter((type) => !own.some(({ spec }) => spec.policyTypes.includes(type)))
      .map((type) => `${workload.id} has no policy for ${type}`);
  });
}

export function podsReachWhatTheyUse(manifests: readonly Manifest[]): string[] {
  return workloadsOf(manifests).flatMap((workload) => {
    const used = portsUsed(workload, manifests);
    if (!used) return [];
    const rules: Json[] = policiesOf(workload, manifests).flatMap(({ spec }) => spec.egress ?? []);
    const allowed = new Set<number>(rules.flatMap(({ ports = [] }) => ports.map(({ port }: Json) => Number(port))));
    allowed.delete(53);
    return [
      ...[...used].filter((port) => !allowed.has(port)).map((port) =>
        `${workload.id} uses port ${port}, which no policy allows`
      ),
      ...[...allowed].filter((port) => !used.has(port))
        .map((port) => `${workload.id} may reach port ${port}, but does not use it`),
    ];
  });
}

function policiesOf({ labels }: Workload, manifests: readonly Manifest[]): Manifest[] {
  return ofKind(manifests, "NetworkPolicy").filter(({ spec }) => matches(spec.podSelector, labels));
}

/** Returns the ports in Deno's permissions; `undefined` for servers, which have none. */
function portsUsed({ all }: Workload, manifests: readonly Manifest[]): Set<number> | undefined {
  const nets = all.flatMap((container) =>
    argumentsOf(container, manifests).filter((arg) => arg.startsWith("--allow-net="))
  );
  if (nets.length === 0) return undefined;
  const listening = new Set(all.flatMap(({ ports = [] }) => ports.map(({ containerPort }: Json) => containerPort)));
  const reached = nets.flatMap((arg) => arg.slice("--allow-net=".length).split(","));
  const collectors = all.map((container) => environmentOf(container, manifests)["OTEL_EXPORTER_OTLP_ENDPOINT"] ?? "");
  const ports = [...reached, ...collectors].map((host) => Number(/:(\d+)$/.exec(host)?.[1] ?? 0));
  return new Set(ports.filter((port) => port > 0 && !listening.has(port)));
}

export function policiesSayWhoAndWhere(manifests: readonly Manifest[]): string[] {
  return ofKind(manifests, "NetworkPolicy").flatMap((policy) => {
    const id = idOf(policy);
    const { ingress = [], egress = [] } = policy["spec"];
    const rules: [Json, "from" | "to"][] = [
      ...ingress.map((rule: Json) => [rule, "from"]),
      ...egress.map((rule: Json) => [rule, "to"]),
    ];
    return rules.flatMap(([rule, peers]) => {
      const faults: string[] = [];
      if (!(rule[peers]?.length > 0)) faults.push(`${id} has a rule without ${peers}`);
      if (!(rule.ports?.length > 0)) faults.push(`${id} has a rule without ports`);
      const all = (rule[peers] ?? []).some(({ ipBlock }: Json) => ipBlock?.cidr.endsWith("/0"));
      if (all && !mayReachAll.has(id)) faults.push(`${id} allows every address`);
      return faults;
    });
  });
}

/** A pod that another pod may connect to also accepts that connection. */
export function waysHaveTwoEnds(manifests: readonly Manifest[]): string[] {
  const policies = ofKind(manifests, "NetworkPolicy");
  return policies.flatMap((policy) => {
    const source: Labels = policy["spec"].podSelector.matchLabels ?? {};
    return (policy["spec"].egress ?? []).flatMap(({ to = [], ports = [] }: Json) =>
      to.filter(({ podSelector, namespaceSelector }: Json) => podSelector && !namespaceSelector)
        .flatMap(({ podSelector }: Json) =>
          ports.filter(({ port }: Json) => !letsIn(policies, source, podSelector.matchLabels, port))
            .map(({ port }: Json) => `${idOf(policy)} allows port ${port} of pods that do not accept the connection`)
        )
    );
  });
}

function letsIn(policies: readonly Manifest[], source: Labels, target: Labels, port: number): boolean {
  return policies.filter(({ spec }) => matches(spec.podSelector, target)).some(({ spec }) =>
    (spec.ingress ?? []).some((rule: Json) =>
      rule.from.some(({ podSelector, namespaceSelector }: Json) =>
        podSelector && !namespaceSelector && matches(podSelector, source)
      ) && rule.ports.some((open: Json) => open.port === port)
    )
  );
}

/** Probes, Services, monitors and policies refer to ports that their pods have. */
export function portsExist(manifests: readonly Manifest[]): string[] {
  const faults = waysIn(manifests).flatMap(({ from, pods, ports }) =>
    pods.flatMap((pod) =>
      ports.filter((port) => lacks(pod, port)).map((port) =>
        `${from} uses the port ${port}, which ${pod.id} does not have`
      )
    )
  );
  return [...new Set(faults)];
}

/** Selectors of Services and PodMonitors match pods, which may be an operator's. */
export function selectorsFindPods(manifests: readonly Manifest[]): string[] {
  const labels = [...workloadsOf(manifests).map(({ labels }) => labels), ...podsOfOperators(manifests)];
  return selecting(manifests).filter(({ selector }) => !labels.some((each) => matches(selector, each)))
    .map(({ from }) => `${from} selects nothing`);
}

interface WayIn {
  readonly from: string;
  readonly pods: readonly Workload[];
  /** Port names or numbers. */
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
    // A StatefulSet adds this label to each of its pods.
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

/** Returns the labels of the pods that operators create for their resources, according to their documentation. */
function podsOfOperators(manifests: readonly Manifest[]): Labels[] {
  return [
    ...ofKind(manifests, "RabbitmqCluster").map(({ metadata: { name } }) => ({ "app.kubernetes.io/name": name })),
    ...ofKind(manifests, "Cluster").map(({ metadata: { name } }) => ({ "cnpg.io/cluster": name })),
  ];
}
