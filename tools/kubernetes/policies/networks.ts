/** Every pod is closed but for what it uses, and what it may reach lets it in. */
import {
  argumentsOf,
  environmentOf,
  type Json,
  type Labels,
  type Manifest,
  matches,
  ofKind,
  type Workload,
  workloadsOf,
} from "../manifest.ts";

/** To the API server and to object stores, whose addresses are not known here: pods of operators. */
const mayReachAll = new Set(["NetworkPolicy/rabbitmq", "NetworkPolicy/postgres"]);

export function networkFaults(manifests: readonly Manifest[]): string[] {
  const policies = ofKind(manifests, "NetworkPolicy");
  return [
    ...workloadsOf(manifests).flatMap((workload) => workloadFaults(workload, policies, manifests)),
    ...policies.flatMap((policy) => policyFaults(policy, policies)),
    ...policies.flatMap((policy) => unscraped(policy, ofKind(manifests, "PodMonitor"))),
  ];
}

function workloadFaults(workload: Workload, policies: readonly Manifest[], manifests: readonly Manifest[]): string[] {
  const own = policies.filter(({ spec }) => matches(spec.podSelector, workload.labels));
  const faults = ["Ingress", "Egress"].filter((type) => !own.some(({ spec }) => spec.policyTypes.includes(type)))
    .map((type) => `${workload.id} is under no policy for ${type}`);
  const used = portsUsed(workload, manifests);
  if (used) {
    const allowed = new Set<number>(
      own.flatMap(({ spec }) => spec.egress ?? []).flatMap(({ ports = [] }) =>
        ports.map(({ port }: Json) => Number(port))
      ),
    );
    allowed.delete(53);
    for (const port of used) if (!allowed.has(port)) faults.push(`${workload.id} uses port ${port}, which is closed`);
    for (const port of allowed) {
      if (!used.has(port)) faults.push(`${workload.id} may reach port ${port}, and has no use for it`);
    }
  }
  return faults;
}

/** By the permissions that Deno gets; `undefined` for servers, which are not ours. */
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

function policyFaults(policy: Manifest, policies: readonly Manifest[]): string[] {
  const { metadata: { name }, spec } = policy;
  const id = `NetworkPolicy/${name}`;
  const faults: string[] = [];
  for (const [rules, peers] of [[spec.ingress ?? [], "from"], [spec.egress ?? [], "to"]] as const) {
    for (const rule of rules) {
      if (!(rule[peers]?.length > 0)) faults.push(`${id} leaves open ${peers} where`);
      if (!(rule.ports?.length > 0)) faults.push(`${id} leaves open by which port`);
      const all = (rule[peers] ?? []).some(({ ipBlock }: Json) => ipBlock?.cidr.endsWith("/0"));
      if (all && !mayReachAll.has(id)) faults.push(`${id} leads everywhere`);
    }
  }
  const source: Labels = spec.podSelector.matchLabels ?? {};
  for (const { to = [], ports = [] } of spec.egress ?? []) {
    for (const { podSelector, namespaceSelector } of to) {
      if (!podSelector || namespaceSelector) continue;
      const target: Labels = podSelector.matchLabels;
      for (const { port } of ports) {
        if (!letsIn(policies, source, target, port)) {
          faults.push(`${id} leads to port ${port} of pods that do not let it in`);
        }
      }
    }
  }
  return faults;
}

/** Prometheus is let in where a PodMonitor sends it, and nowhere else. */
function unscraped({ metadata: { name }, spec }: Manifest, monitors: readonly Manifest[]): string[] {
  const scraped = monitors.some((monitor) => matches(monitor["spec"].selector, spec.podSelector.matchLabels ?? {}));
  const lets = (spec.ingress ?? []).some(({ from = [] }: Json) =>
    from.some(({ namespaceSelector }: Json) =>
      Object.values(namespaceSelector?.matchLabels ?? {}).includes("monitoring")
    )
  );
  return lets && !scraped ? [`NetworkPolicy/${name} lets Prometheus in, which no PodMonitor sends there`] : [];
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
