/** Each policy and schema refuses a manifest that breaks it. */
import { deepStrictEqual, match } from "node:assert/strict";
import { type Json, type Manifest, ofKind } from "../../../dev/kubernetes/manifest.ts";
import { policies, policyFaults } from "../../../dev/kubernetes/policies.ts";
import { schemaFaults } from "../../../dev/programs/programs.ts";
import { documentedSecrets, overlay } from "./overlays.ts";

const madeBefore = await documentedSecrets("production");

function find(manifests: readonly Manifest[], kind: string, name: string): Json {
  const found = ofKind(manifests, kind).find(({ metadata }) => metadata.name.startsWith(name));
  if (!found) throw new Error(`there is no ${kind}/${name}`);
  return found;
}

type Case = readonly [what: string, change: (manifests: Manifest[]) => void, said: RegExp];

const subscriber = (manifests: readonly Manifest[]) => find(manifests, "Deployment", "subscriber").spec.template;
const pod = (manifests: readonly Manifest[]) => subscriber(manifests).spec;
const container = (manifests: readonly Manifest[]) => pod(manifests).containers[0];
const retention = (manifests: readonly Manifest[]) => find(manifests, "CronJob", "retention").spec;
const remove = (manifests: Manifest[], kind: string, name: string) =>
  void manifests.splice(manifests.indexOf(find(manifests, kind, name)), 1);

const cases: readonly Case[] = [
  ["root", (all) => pod(all).securityContext.runAsUser = 0, /may run as root/],
  ["root by itself", (all) => delete pod(all).securityContext.runAsNonRoot, /may run as root/],
  ["a root file system that can be written", (all) => {
    container(all).securityContext = { ...container(all).securityContext, readOnlyRootFilesystem: false };
  }, /Deployment\/subscriber: subscriber may write to its root file system/],
  ["privileges gained", (all) => delete container(all).securityContext.allowPrivilegeEscalation, /gain privileges/],
  ["capabilities kept", (all) => delete container(all).securityContext.capabilities, /keeps capabilities/],
  ["a capability added", (all) => container(all).securityContext.capabilities.add = ["NET_RAW"], /keeps capabilities/],
  ["no seccomp profile", (all) => delete pod(all).securityContext.seccompProfile, /every system call/],
  ["no limit", (all) => delete container(all).resources.limits.memory, /subscriber has no limits\.memory/],
  ["no request", (all) => delete container(all).resources.requests, /subscriber has no requests\.cpu/],
  ["no limit of an init container", (all) => delete pod(all).initContainers[0].resources, /wait-for-migrations has no/],
  ["no probe", (all) => delete container(all).readinessProbe, /has no readinessProbe/],
  ["the tag latest", (all) => container(all).image = "casino-events/subscriber:latest", /whose content can change/],
  ["no tag", (all) => container(all).image = "registry:5000/subscriber", /whose content can change/],
  ["a token", (all) => delete pod(all).automountServiceAccountToken, /mounts a token/],
  ["a path of the node", (all) => pod(all).volumes.push({ name: "x", hostPath: { path: "/" } }), /path of its node/],
  ["a secret in the environment", (all) => {
    container(all).env.push({ name: "RABBITMQ_URL", value: "amqps://a:b@c" });
  }, /has a secret in the variable RABBITMQ_URL/],
  ["a secret in a ConfigMap", (all) => {
    find(all, "ConfigMap", "settings").data.RATES_API_KEY = "0123456789abcdef";
  }, /has a secret in the variable RATES_API_KEY/],
  ["a secret by reference", (all) => {
    container(all).env.push({ name: "RATES_API_KEY", valueFrom: { secretKeyRef: { name: "a", key: "b" } } });
  }, /from a variable, not from a file/],
  ["a variable that no setting reads", (all) => {
    container(all).env.push({ name: "SHUTDOWN_GRACE", value: "1" });
  }, /sets SHUTDOWN_GRACE, which no setting reads/],
  ["all permissions", (all) => container(all).args.unshift("--allow-net"), /--allow-net without a list/],
  ["any address", (all) => container(all).args.unshift("--allow-net=0.0.0.0/0:443"), /not one host and port/],
  ["any port of a host", (all) => container(all).args.unshift("--allow-net=rates-api"), /not one host and port/],
  ["to run programs", (all) => container(all).args.unshift("--allow-run=sh"), /requests --allow-run=sh/],
  ["a host without a value", (all) => delete find(all, "ConfigMap", "addresses").data.REDIS_HOST, /no value/],
  ["a variable it may not read", (all) => {
    const { args } = container(all);
    args[args.indexOf("-P=subscriber")] = "-P=publisher";
  }, /may not read REDIS_URL_FILE/],
  [
    "no time to shut down",
    (all) => pod(all).terminationGracePeriodSeconds = 25,
    /killed after 25 s, but may need 25 s/,
  ],
  ["a longer SHUTDOWN_GRACE_MS", (all) => {
    find(all, "ConfigMap", "settings").data.SHUTDOWN_GRACE_MS = "60000";
  }, /may need 65 s/],
  ["no PodDisruptionBudget", (all) => remove(all, "PodDisruptionBudget", "subscriber"), /has no PodDisruptionBudget/],
  ["a drain that stops all pods", (all) => {
    find(all, "PodDisruptionBudget", "redis").spec.maxUnavailable = "100%";
  }, /StatefulSet\/redis may lose more than one pod/],
  ["no spread", (all) => delete pod(all).topologySpreadConstraints, /not spread over kubernetes.io\/hostname/],
  ["more subscribers than Postgres has connections for", (all) => {
    find(all, "ScaledObject", "subscriber").spec.maxReplicaCount = 14;
  }, /may open 80 connections to Postgres, which has 77/],
  ["a smaller Postgres", (all) => {
    find(all, "Cluster", "postgres").spec.postgresql.parameters.max_connections = "50";
  }, /which has 27/],
  ["subscribers stopped when RabbitMQ does not answer", (all) => {
    delete find(all, "ScaledObject", "subscriber").spec.fallback.behavior;
  }, /stops subscribers when it cannot read the queue/],
  [
    "replicas beside KEDA",
    (all) => find(all, "Deployment", "subscriber").spec.replicas = 2,
    /conflicts with the replicas/,
  ],
  ["no policy at all", (all) => remove(all, "NetworkPolicy", "default-deny"), /has no policy for Ingress/],
  ["a pod without its label", (all) => {
    delete subscriber(all).metadata.labels["casino-events/reaches-redis"];
  }, /uses port 6379, which no policy allows/],
  ["a label too many", (all) => {
    find(all, "Job", "migrate").spec.template.metadata.labels["casino-events/reaches-redis"] = "true";
  }, /Job\/migrate\S* may reach port 6379, but does not use it/],
  ["an operator's command without its label", (all) => {
    delete find(all, "CronJob", "operator").spec.jobTemplate.spec.template.metadata
      .labels["casino-events/reaches-redis"];
  }, /CronJob\/operator uses port 6379, which no policy allows/],
  ["an operator's command without a certificate", (all) => {
    find(all, "CronJob", "publish").spec.jobTemplate.spec.template.spec.volumes.pop();
  }, /CronJob\/publish names/],
  ["retention that may write outside a volume", (all) => {
    retention(all).jobTemplate.spec.template.spec.containers[0].args.unshift("--allow-write=/run/casino/secrets");
  }, /CronJob\/retention: retention requests --allow-write=/],
  ["retention without its label", (all) => {
    delete retention(all).jobTemplate.spec.template.metadata.labels["casino-events/reaches-postgres"];
  }, /CronJob\/retention uses port 5432, which no policy allows/],
  ["retention without a certificate", (all) => {
    retention(all).jobTemplate.spec.template.spec.volumes.pop();
  }, /CronJob\/retention names/],
  ["retention beside itself", (all) => retention(all).concurrencyPolicy = "Allow", /retention may run twice at once/],
  ["retention without a time zone", (all) => delete retention(all).timeZone, /the controller's time zone/],
  ["retention without a deadline for its start", (all) => {
    delete retention(all).startingDeadlineSeconds;
  }, /CronJob\/retention has no startingDeadlineSeconds/],
  ["retention that hangs", (all) => {
    delete retention(all).jobTemplate.spec.activeDeadlineSeconds;
  }, /CronJob\/retention has no deadline$/m],
  ["retention with the default number of retries", (all) => {
    delete retention(all).jobTemplate.spec.backoffLimit;
  }, /CronJob\/retention has no backoffLimit/],
  ["retention with the default number of finished Jobs", (all) => {
    delete retention(all).failedJobsHistoryLimit;
  }, /CronJob\/retention sets no limit for finished Jobs/],
  ["a migration that hangs", (all) => {
    delete find(all, "Job", "migrate").spec.activeDeadlineSeconds;
  }, /Job\/migrate\S* has no deadline/],
  ["a server that accepts no client", (all) => {
    find(all, "NetworkPolicy", "redis").spec.ingress = [];
  }, /NetworkPolicy\/to-redis allows port 6379 of pods that do not accept the connection/],
  ["an egress to every address", (all) => {
    find(all, "NetworkPolicy", "to-rates-api").spec.egress[0].to[0].ipBlock.cidr = "0.0.0.0/0";
  }, /NetworkPolicy\/to-rates-api allows every address/],
  [
    "every port",
    (all) => delete find(all, "NetworkPolicy", "to-redis").spec.egress[0].ports,
    /has a rule without ports/,
  ],
  ["a missing ConfigMap", (all) => remove(all, "ConfigMap", "settings"), /names ConfigMap\/settings/],
  ["a missing ServiceAccount", (all) => pod(all).serviceAccountName = "else", /ServiceAccount\/else/],
  ["a missing Secret", (all) => {
    find(all, "User", "casino-publisher").spec.importCredentialsSecret.name = "else";
  }, /names Secret\/else\/username/],
  ["a missing key", (all) => {
    container(all).env.push({ name: "RATES_API_OLD_KEY_FILE", value: "/run/casino/secrets/old-key" });
  }, /Secret\/subscriber-secrets\/old-key/],
  ["a file that is not mounted", (all) => container(all).volumeMounts.pop(), /names the file \/run\/casino\/tls/],
  ["a missing port", (all) => container(all).ports[0].name = "web", /Service\/subscriber uses the port http/],
  ["a PodMonitor of nothing", (all) => {
    find(all, "PodMonitor", "rabbitmq").spec.selector.matchLabels = { a: "b" };
  }, /PodMonitor\/rabbitmq selects nothing/],
  ["a PodMonitor with a missing CA", (all) => {
    find(all, "PodMonitor", "rabbitmq").spec.podMetricsEndpoints[0].tlsConfig.ca.secret.key = "ca.pem";
  }, /PodMonitor\/rabbitmq names Secret\/rabbitmq-server-tls\/ca\.pem/],
  ["a Service of nothing", (all) => find(all, "Service", "subscriber").spec.selector = { a: "b" }, /selects nothing/],
];

Deno.test("production keeps all policies", async () => {
  deepStrictEqual(policyFaults(await overlay("production"), madeBefore), []);
});

Deno.test("policies reject each manifest that breaks one, and each policy rejects something", async () => {
  const idle = new Set(policies.map(({ name }) => name));
  for (const [what, change, said] of cases) {
    const manifests = await overlay("production");
    change(manifests);
    const faults = policies.map((policy) => ({ name: policy.name, text: policy(manifests, madeBefore).join("\n") }));
    match(faults.map(({ text }) => text).join("\n"), said, what);
    for (const { name, text } of faults) if (said.test(text)) idle.delete(name);
  }
  deepStrictEqual([...idle], []);
});

const misfits: readonly (readonly [kind: string, name: string, change: (manifest: Json) => void, said: RegExp])[] = [
  [
    "Deployment",
    "subscriber",
    ({ spec }) => spec.template.spec.containers[0].readynessProbe = {},
    /readynessProbe: is not a known field/,
  ],
  ["Deployment", "subscriber", ({ spec }) => spec.replicas = "two", /\/spec\/replicas/],
  ["Deployment", "subscriber", ({ spec }) => delete spec.selector, /selector/],
  ["CronJob", "operator", ({ spec }) => spec.jobTemplate.spec.suspended = true, /suspended: is not a known field/],
  ["NetworkPolicy", "redis", ({ spec }) => spec.policyType = ["Egress"], /policyType: is not a known field/],
  ["ScaledObject", "subscriber", ({ spec }) => spec.maxReplicas = 3, /maxReplicas: is not a known field/],
  ["Cluster", "postgres", ({ spec }) => spec.postgresql.synchronous.methods = "any", /methods: is not a known field/],
  ["Certificate", "subscriber-tls", ({ spec }) => delete spec.issuerRef, /issuerRef/],
  [
    "PodMonitor",
    "subscriber",
    ({ spec }) => spec.podMetricsEndpoints[0].intervall = "1s",
    /intervall: is not a known field/,
  ],
  ["Queue", "events", ({ spec }) => spec.quorum = 3, /quorum/],
  ["RabbitmqCluster", "rabbitmq", ({ spec }) => spec.tls.secret = "x", /\/spec\/tls/],
  [
    "RabbitmqCluster",
    "rabbitmq",
    ({ spec }) => spec.override.statefulSet.spec.template.spec.topologySpread = [],
    /topologySpread: is not a known field/,
  ],
  ["ObjectStore", "postgres-backups", ({ spec }) => spec.configuration.bucket = "x", /configuration/],
  ["Issuer", "casino-ca", (manifest) => manifest.apiVersion = "example.com/v1", /has no schema/],
];

Deno.test("schemas reject each invalid object, and no object of production", async () => {
  const production = await overlay("production");
  const changed = misfits.map(([kind, name, change]) => {
    const manifest = structuredClone(find(production, kind, name));
    change(manifest);
    return manifest;
  });
  const faults = await schemaFaults([...changed, ...production]);
  misfits.forEach(([kind, , , said], index) => match(faults[index]!.join("\n"), said, kind));
  deepStrictEqual(faults.slice(misfits.length).flat(), []);
});
