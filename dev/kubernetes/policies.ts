/** All rules for deploy/kubernetes beyond its schemas: each policy has its cases in the scenario of policies. */
import { environmentOf, idOf, type Json, type Manifest, type Workload, workloadsOf } from "./manifest.ts";
import * as commands from "./policies/commands.ts";
import * as networks from "./policies/networks.ts";
import * as schedules from "./policies/schedules.ts";
import * as workloads from "./policies/workloads.ts";

/** @returns one sentence for each fault */
type Policy = (manifests: readonly Manifest[], madeBefore: MadeBefore) => string[];

/** Every function that the imported files export is a policy. */
export const policies: readonly Policy[] = [
  ...[workloads, commands, networks, schedules].flatMap((file): Policy[] => Object.values(file)),
  referencesExist,
];

export const policyFaults: Policy = (manifests, madeBefore) =>
  policies.flatMap((policy) => policy(manifests, madeBefore));

/** Secrets that a person creates beforehand, with their keys: those of docs/kubernetes.md. */
type MadeBefore = ReadonlyMap<string, readonly string[]>;

interface Reference {
  readonly from: string;
  /** `Secret/subscriber-secrets`, or `Secret/subscriber-secrets/http-tokens` for one key. */
  readonly to: string;
}

/** Checks that the objects, keys and files that an object refers to exist. */
function referencesExist(manifests: readonly Manifest[], madeBefore: MadeBefore): string[] {
  const there = new Set(manifests.flatMap(namesOf));
  for (const [name, keys] of madeBefore) {
    for (const key of ["", ...keys.map((key) => `/${key}`)]) there.add(`Secret/${name}${key}`);
  }
  const missing = referencesIn(manifests).filter(({ to }) => !there.has(to));
  return [...new Set(missing.map(({ from, to }) => `${from} names ${to}, which does not exist`))];
}

/** Returns the Secrets that objects refer to but do not define. */
export function secretsNamed(manifests: readonly Manifest[]): Set<string> {
  const brought = new Set(manifests.flatMap(namesOf));
  const named = referencesIn(manifests).map(({ to }) => to).filter((to) =>
    to.startsWith("Secret/") && !brought.has(to)
  );
  return new Set(named.map((to) => to.slice("Secret/".length)));
}

function referencesIn(manifests: readonly Manifest[]): Reference[] {
  return [
    ...workloadsOf(manifests).flatMap((workload) => referencesOfPods(workload, manifests)),
    ...manifests.flatMap(referencesOf),
  ];
}

/** Returns an object's name, the names of its keys, and the names of the objects that it creates. */
function namesOf(manifest: Manifest): string[] {
  const keys = Object.keys({ ...manifest["data"], ...manifest["stringData"] });
  const names = [idOf(manifest), ...keys.map((key) => `${idOf(manifest)}/${key}`)];
  if (manifest.kind !== "Certificate") return names;
  const secret = `Secret/${manifest["spec"].secretName}`;
  return [...names, secret, ...["tls.crt", "tls.key", "ca.crt"].map((key) => `${secret}/${key}`)];
}

function referencesOfPods({ id: from, pod, all }: Workload, manifests: readonly Manifest[]): Reference[] {
  const to: string[] = pod.serviceAccountName ? [`ServiceAccount/${pod.serviceAccountName}`] : [];
  const sources = new Map<string, string>();
  for (const { name, secret, configMap, persistentVolumeClaim: claim } of pod.volumes ?? []) {
    const source = secret
      ? `Secret/${secret.secretName}`
      : configMap
      ? `ConfigMap/${configMap.name}`
      : claim && `PersistentVolumeClaim/${claim.claimName}`;
    if (source) to.push(source);
    sources.set(name, source ?? "");
  }
  for (const template of pod.volumeClaimTemplates ?? []) sources.set(template.metadata.name, "");
  for (const container of all) {
    for (const { configMapRef } of container.envFrom ?? []) if (configMapRef) to.push(`ConfigMap/${configMapRef.name}`);
    const mounts = container.volumeMounts ?? [];
    for (const { name, subPath } of mounts) if (subPath) to.push(`${sources.get(name)}/${subPath}`);
    for (const [name, path] of Object.entries(environmentOf(container, manifests))) {
      if (!name.endsWith("_FILE")) continue;
      const mount = mounts.find(({ mountPath }: Json) => path.startsWith(`${mountPath}/`));
      to.push(mount ? `${sources.get(mount.name)}/${path.slice(mount.mountPath.length + 1)}` : `the file ${path}`);
    }
  }
  return to.map((to) => ({ from, to }));
}

function referencesOf(manifest: Manifest): Reference[] {
  const { kind, spec = {} } = manifest;
  const keys = (secret: string, ...keys: string[]) => keys.map((key) => `Secret/${secret}/${key}`);
  const named: Readonly<Record<string, () => (string | undefined)[]>> = {
    TriggerAuthentication: () => spec.secretTargetRef.flatMap(({ name, key }: Json) => keys(name, key)),
    ScaledObject: () => [
      `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`,
      ...spec.triggers.map(({ authenticationRef }: Json) => `TriggerAuthentication/${authenticationRef.name}`),
    ],
    Certificate: () => [`Issuer/${spec.issuerRef.name}`],
    Issuer: () => spec.ca ? [`Secret/${spec.ca.secretName}`] : [],
    RabbitmqCluster:
      () => [...keys(spec.tls.secretName, "tls.crt", "tls.key"), ...keys(spec.tls.caSecretName, "ca.crt")],
    User: () => keys(spec.importCredentialsSecret.name, "username", "password"),
    Permission: () => [`User/${spec.userReference.name}`],
    ObjectStore: () =>
      Object.values(spec.configuration.s3Credentials).flatMap(({ name, key }: Json) => keys(name, key)),
    ScheduledBackup: () => [`Cluster/${spec.cluster.name}`],
    Cluster: () => [
      ...keys(spec.certificates.serverTLSSecret, "tls.crt", "tls.key"),
      ...keys(spec.certificates.serverCASecret, "ca.crt"),
      ...keys(spec.certificates.clientCASecret, "ca.crt"),
      ...keys(spec.certificates.replicationTLSSecret, "tls.crt", "tls.key"),
      ...keys((spec.bootstrap.initdb ?? spec.bootstrap.recovery).secret.name, "username", "password"),
      ...spec.managed.roles.flatMap(({ passwordSecret }: Json) => keys(passwordSecret.name, "username", "password")),
      ...[...spec.plugins, ...(spec.externalClusters ?? []).map(({ plugin }: Json) => plugin)]
        .map(({ parameters }: Json) => `ObjectStore/${parameters.barmanObjectName}`),
    ],
    PodMonitor: () =>
      spec.podMetricsEndpoints.flatMap(({ tlsConfig }: Json) => {
        const secret = tlsConfig?.ca?.secret;
        return secret ? keys(secret.name, secret.key) : [];
      }),
  };
  const cluster = spec.rabbitmqClusterReference && `RabbitmqCluster/${spec.rabbitmqClusterReference.name}`;
  return [cluster, ...named[kind]?.() ?? []].filter((to) => to !== undefined).map((to) => ({
    from: idOf(manifest),
    to,
  }));
}
