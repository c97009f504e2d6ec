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
  }, /Deployment\/subscriber: subscriber may write to its root/],
  ["privileges gained", (all) => delete container(all).securityContext.allowPrivilegeEscalation, /gain privileges/],
  ["capabilities kept", (all) => delete container(all).securityContext.capabilities, /keeps capabilities/],
  ["a capability added", (all) => container(all).securityContext.capabilities.add = ["NET_RAW"], /keeps capabilities/],
  ["no seccomp profile", (all) => delete pod(all).securityContext.seccompProfile, /every system call/],
  ["no limit", (all) => delete container(all).resources.limits.memory, /subscriber has no limits\.memory/],
  ["no request", (all) => delete container(all).resources.requests, /subscriber has no requests\.cpu/],
  ["no limit of an init container", (all) => delete pod(all).initContainers[0].resources, /wait-for-migrations has no/],
  ["no probe", (all) => delete container(all).readinessProbe, /has no readinessProbe/],
  ["the tag latest", (all) => container(all).image = "casino-events/subscriber:latest", /which may be anything/],
  ["no tag", (all) => container(all).image = "registry:5000/subscriber", /which may be anything/],
  ["a token", (all) => delete pod(all).automountServiceAccountToken, /mounts a token/],
  ["a path of the node", (all) => pod(all).volumes.push({ name: "x", hostPath: { path: "/" } }), /path of its node/],
  ["a secret in the environment", (all) => {
    container(all).env.push({ name: "RABBITMQ_URL", value: "amqps://a:b@c" });
  }, /is given a secret as RABBITMQ_URL/],
  ["a secret in a ConfigMap", (all) => {
    find(all, "ConfigMap", "settings").data.RATES_API_KEY = "0123456789abcdef";
  }, /is given a secret as RATES_API_KEY/],
  ["a secret by reference", (all) => {
    container(all).env.push({ name: "RATES_API_KEY", valueFrom: { secretKeyRef: { name: "a", key: "b" } } });
  }, /outside of a file/],
  ["a variable that nobody reads", (all) => {
    container(all).env.push({ name: "SHUTDOWN_GRACE", value: "1" });
  }, /is given SHUTDOWN_GRACE, which nobody reads/],
  ["all permissions", (all) => container(all).args.unshift("--allow-net"), /--allow-net without saying which/],
  ["any address", (all) => container(all).args.unshift("--allow-net=0.0.0.0/0:443"), /not one host and port/],
  ["any port of a host", (all) => container(all).args.unshift("--allow-net=rates-api"), /not one host and port/],
  ["to run programs", (all) => container(all).args.unshift("--allow-run=sh"), /asks for --allow-run=sh/],
  ["a host that is nowhere given", (all) => delete find(all, "ConfigMap", "addresses").data.REDIS_HOST, /no value/],
  ["a variable it may not read", (all) => {
    const { args } = container(all);
    args[args.indexOf("-P=subscriber")] = "-P=publisher";
  }, /may not read REDIS_URL_FILE/],
  ["no time to leave", (all) => pod(all).terminationGracePeriodSeconds = 25, /killed after 25 s, and may need 25 s/],
  ["a longer SHUTDOWN_GRACE_MS", (all) => {
    find(all, "ConfigMap", "settings").data.SHUTDOWN_GRACE_MS = "60000";
  }, /may need 65 s/],
  ["no PodDisruptionBudget", (all) => remove(all, "PodDisruptionBudget", "subscriber"), /has no PodDisruptionBudget/],
  ["a drain that takes all", (all) => {
    find(all, "PodDisruptionBudget", "redis").spec.maxUnavailable = "100%";
  }, /StatefulSet\/redis may lose more than one/],
  ["no spread", (all) => delete pod(all).topologySpreadConstraints, /not spread over kubernetes.io\/hostname/],
  ["more subscribers than Postgres bears", (all) => {
    find(all, "ScaledObject", "subscriber").spec.maxReplicaCount = 14;
  }, /may take 80 connections to Postgres, which has 77/],
  ["a smaller Postgres", (all) => {
    find(all, "Cluster", "postgres").spec.postgresql.parameters.max_connections = "50";
  }, /which has 27/],
  ["subscribers taken away when RabbitMQ does not answer", (all) => {
    delete find(all, "ScaledObject", "subscriber").spec.fallback.behavior;
  }, /takes subscribers away when it cannot see the queue/],
  ["replicas beside KEDA", (all) => find(all, "Deployment", "subscriber").spec.replicas = 2, /is undone/],
  ["no policy at all", (all) => remove(all, "NetworkPolicy", "default-deny"), /under no policy for Ingress/],
  ["a pod without its label", (all) => {
    delete subscriber(all).metadata.labels["casino-events/reaches-redis"];
  }, /uses port 6379, which is closed/],
  ["a label too many", (all) => {
    find(all, "Job", "migrate").spec.template.metadata.labels["casino-events/reaches-redis"] = "true";
  }, /Job\/migrate\S* may reach port 6379, and has no use for it/],
  ["a person's command without its label", (all) => {
    delete find(all, "CronJob", "operator").spec.jobTemplate.spec.template.metadata
      .labels["casino-events/reaches-redis"];
  }, /CronJob\/operator uses port 6379, which is closed/],
  ["a person's command without a certificate", (all) => {
    find(all, "CronJob", "publish").spec.jobTemplate.spec.template.spec.volumes.pop();
  }, /CronJob\/publish names/],
  ["retention that may write to what is no volume", (all) => {
    retention(all).jobTemplate.spec.template.spec.containers[0].args.unshift("--allow-write=/run/casino/secrets");
  }, /CronJob\/retention: retention asks for --allow-write=/],
  ["retention without its label", (all) => {
    delete retention(all).jobTemplate.spec.template.metadata.labels["casino-events/reaches-postgres"];
  }, /CronJob\/retention uses port 5432, which is closed/],
  ["retention without a certificate", (all) => {
    retention(all).jobTemplate.spec.template.spec.volumes.pop();
  }, /CronJob\/retention names/],
  ["retention beside itself", (all) => retention(all).concurrencyPolicy = "Allow", /retention may run beside itself/],
  ["retention at another hour elsewhere", (all) => delete retention(all).timeZone, /the controller's time zone/],
  ["retention that starts at any time", (all) => {
    delete retention(all).startingDeadlineSeconds;
  }, /CronJob\/retention has no deadline for its start/],
  ["retention that hangs", (all) => {
    delete retention(all).jobTemplate.spec.activeDeadlineSeconds;
  }, /CronJob\/retention has no deadline$/m],
  ["retention that is tried as often as the API server likes", (all) => {
    delete retention(all).jobTemplate.spec.backoffLimit;
  }, /CronJob\/retention does not say how often it is tried/],
  ["retention whose Jobs stay as the API server likes", (all) => {
    delete retention(all).failedJobsHistoryLimit;
  }, /CronJob\/retention does not say which Jobs stay/],
  ["a migration that hangs", (all) => {
    delete find(all, "Job", "migrate").spec.activeDeadlineSeconds;
  }, /Job\/migrate\S* has no deadline/],
  ["a server that lets nobody in", (all) => {
    find(all, "NetworkPolicy", "redis").spec.ingress = [];
  }, /NetworkPolicy\/to-redis leads to port 6379 of pods that do not let it in/],
  ["a way to everywhere", (all) => {
    find(all, "NetworkPolicy", "to-rates-api").spec.egress[0].to[0].ipBlock.cidr = "0.0.0.0/0";
  }, /NetworkPolicy\/to-rates-api leads everywhere/],
  ["every port", (all) => delete find(all, "NetworkPolicy", "to-redis").spec.egress[0].ports, /open by which port/],
  ["a ConfigMap that is not there", (all) => remove(all, "ConfigMap", "settings"), /names ConfigMap\/settings/],
  ["a ServiceAccount that is not there", (all) => pod(all).serviceAccountName = "else", /ServiceAccount\/else/],
  ["a Secret that is not there", (all) => {
    find(all, "User", "casino-publisher").spec.importCredentialsSecret.name = "else";
  }, /names Secret\/else\/username/],
  ["a key that is not there", (all) => {
    container(all).env.push({ name: "RATES_API_OLD_KEY_FILE", value: "/run/casino/secrets/old-key" });
  }, /Secret\/subscriber-secrets\/old-key/],
  ["a file that is not mounted", (all) => container(all).volumeMounts.pop(), /names the file \/run\/casino\/tls/],
  ["a port that is not there", (all) => container(all).ports[0].name = "web", /Service\/subscriber leads to http/],
  ["a PodMonitor of nothing", (all) => {
    find(all, "PodMonitor", "rabbitmq").spec.selector.matchLabels = { a: "b" };
  }, /PodMonitor\/rabbitmq selects nothing/],
  ["a PodMonitor that trusts what is not there", (all) => {
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
    /readynessProbe: is no/,
  ],
  ["Deployment", "subscriber", ({ spec }) => spec.replicas = "two", /\/spec\/replicas/],
  ["Deployment", "subscriber", ({ spec }) => delete spec.selector, /selector/],
  ["CronJob", "operator", ({ spec }) => spec.jobTemplate.spec.suspended = true, /suspended: is no field/],
  ["NetworkPolicy", "redis", ({ spec }) => spec.policyType = ["Egress"], /policyType: is no field/],
  ["ScaledObject", "subscriber", ({ spec }) => spec.maxReplicas = 3, /maxReplicas: is no field/],
  ["Cluster", "postgres", ({ spec }) => spec.postgresql.synchronous.methods = "any", /methods: is no field/],
  ["Certificate", "subscriber-tls", ({ spec }) => delete spec.issuerRef, /issuerRef/],
  ["PodMonitor", "subscriber", ({ spec }) => spec.podMetricsEndpoints[0].intervall = "1s", /intervall: is no field/],
  ["Queue", "events", ({ spec }) => spec.quorum = 3, /quorum/],
  ["RabbitmqCluster", "rabbitmq", ({ spec }) => spec.tls.secret = "x", /\/spec\/tls/],
  [
    "RabbitmqCluster",
    "rabbitmq",
    ({ spec }) => spec.override.statefulSet.spec.template.spec.topologySpread = [],
    /topologySpread: is no field/,
  ],
  ["ObjectStore", "postgres-backups", ({ spec }) => spec.configuration.bucket = "x", /configuration/],
  ["Issuer", "casino-ca", (manifest) => manifest.apiVersion = "example.com/v1", /without a schema/],
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
