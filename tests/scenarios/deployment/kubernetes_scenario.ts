/** deploy/kubernetes, rendered: valid, and consistent with the code. Nothing is applied to a cluster. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { eventsQueuesOf, eventTopology, exchangesOf } from "../../../shared/rabbitmq/topology.ts";
import { brokerRoles, databaseRoles, largeObjects } from "../../../tools/roles/roles.ts";
import { schemaFaults } from "../../../dev/programs/programs.ts";
import { type Json, type Manifest, ofKind, workloadsOf } from "../../../dev/kubernetes/manifest.ts";
import { policyFaults, secretsNamed } from "../../../dev/kubernetes/policies.ts";
import { codeIn, documented, documentedRows, documentedSecrets, overlay, overlays, overlayWith } from "./overlays.ts";
import { project } from "../../harness/world.ts";

const folder = join(project, "deploy/kubernetes");
const read = (path: string) => Deno.readTextFile(join(folder, path));

/** The names in the manifests, as the members read them. */
function topologyConfig(manifests: readonly Manifest[]) {
  const settings = ofKind(manifests, "ConfigMap").find(({ metadata }) => metadata.name.startsWith("settings"))!["data"];
  return {
    EVENTS_EXCHANGE: settings.EVENTS_EXCHANGE ?? "casino.events",
    EVENTS_QUEUE: settings.EVENTS_QUEUE ?? "casino.events.queue",
    DEAD_LETTER_QUEUE: settings.DEAD_LETTER_QUEUE ?? "casino.events.dead",
    EVENTS_SHARDS: Number(settings.EVENTS_SHARDS ?? 1),
  };
}

for (const name of overlays) {
  Deno.test(`${name}: every object is valid by its schema, and keeps the policies`, async () => {
    const manifests = await overlay(name);
    deepStrictEqual((await schemaFaults(manifests)).flat(), []);
    const secrets = await documentedSecrets(name);
    deepStrictEqual(policyFaults(manifests, secrets), []);
    const named = secretsNamed(manifests);
    // start.sh reads the passwords by the names of their users.
    for (const line of (await read("components/redis/users")).split("\n")) {
      named.add(`redis-passwords/${line.split(" ")[0]}`);
    }
    const unused = [...secrets].flatMap(([secret, keys]) => keys.map((key) => `${secret}/${key}`))
      .filter((key) => !named.has(key));
    deepStrictEqual(unused, [], "documented, and used by nobody");
  });
}

const optional = [
  ["development", "tracing", /OTEL_EXPORTER_OTLP_ENDPOINT/],
  ["production", "archive", /--export=\/run\/casino\/archive.*"claimName":"archive"/],
  ["production", "journal", /"subscriber\/main\.ts","--http=/],
  ["production", "postgres-recovery", /"recovery":.*"serverName":"postgres-2"/],
  ["production", "shards", /"EVENTS_SHARDS":"4"/],
] as const;

for (const [name, component, brings] of optional) {
  Deno.test(`${component}, which no overlay has, is valid beside ${name}, and keeps the policies`, async () => {
    const manifests = await overlayWith(name, component);
    match(JSON.stringify(manifests), brings);
    deepStrictEqual((await schemaFaults(manifests)).flat(), []);
    deepStrictEqual(policyFaults(manifests, await documentedSecrets(name)), []);
  });
}

Deno.test("the plain ports of docs/kubernetes.md are open to the listed clients, and no other port of production is plain", async () => {
  const rows = await documentedRows("What is not encrypted");
  const told = rows.flatMap(([ports, , to]) => codeIn(ports).map((port) => `${port} from ${codeIn(to)}`));

  // amqps, RabbitMQ's management and metrics, Redis, Postgres, and CloudNativePG's operator, all configured for TLS.
  const encrypted = ["5671", "15671", "15691", "6379", "5432", "8000"];
  const manifests = await overlay("production");
  const ports = workloadsOf(manifests).flatMap(({ containers }) => containers.flatMap(({ ports = [] }) => ports));
  const numberOf = (port: Json) => String(ports.find(({ name }) => name === port)?.containerPort ?? port);
  const plain = ofKind(manifests, "NetworkPolicy").flatMap(({ spec }) => spec.ingress ?? []).flatMap((rule: Json) =>
    rule.ports.map(({ port }: Json) => numberOf(port)).filter((port: string) => !encrypted.includes(port))
      .flatMap((port: string) =>
        rule.from.map(({ namespaceSelector, podSelector }: Json) => {
          const [[label, value]] = Object.entries({ ...(namespaceSelector ?? podSelector).matchLabels }) as Json;
          return `${port} from ${namespaceSelector ? value : `${label}: ${value}`}`;
        })
      )
  );
  deepStrictEqual([...new Set(plain)].sort(), told.sort());
});

Deno.test("subscribers keep a journal only with components/journal, as docs/kubernetes.md says", async () => {
  const argumentsFor = (manifests: readonly Manifest[]) => {
    const { args } = workloadsOf(manifests).find(({ id }) => id === "Deployment/subscriber")!.containers[0];
    return (args as string[]).slice(args.indexOf("subscriber/main.ts") + 1);
  };
  for (const name of overlays) {
    const quiet = argumentsFor(await overlay(name));
    ok(quiet.includes("--quiet"), name);
    deepStrictEqual(
      argumentsFor(await overlayWith(name, "journal")),
      quiet.filter((arg) => arg !== "--quiet"),
    );
  }
  match(
    (await documented("Restore")).replaceAll(/\s+/g, " "),
    /\*\*These overlays keep no journal\*\*.*all that is left are the publishers' files.*With `components\/journal`/,
  );
});

Deno.test("Postgres is restored from its backups with the same settings, and archives elsewhere", async () => {
  const clusterOf = (manifests: readonly Manifest[]) => ofKind(manifests, "Cluster")[0]!["spec"];
  const { bootstrap: { initdb }, plugins: [plugin] } = clusterOf(await overlay("production"));
  const { bootstrap, externalClusters: [source], plugins } = clusterOf(
    await overlayWith("production", "postgres-recovery"),
  );
  const { database, owner, secret } = initdb;
  deepStrictEqual(bootstrap, { recovery: { source: source.name, database, owner, secret } });
  const { name, parameters: { barmanObjectName } } = plugin;
  // By default the plugin stores backups under the cluster's name.
  deepStrictEqual(source.plugin, { name, parameters: { barmanObjectName, serverName: "postgres" } });
  deepStrictEqual(plugins, [{ ...plugin, parameters: { barmanObjectName, serverName: "postgres-2" } }]);
});

for (const shards of [1, 4]) {
  Deno.test(`the Topology Operator declares the same queues as deno task provision, with ${shards} events queues`, async () => {
    const manifests = await (shards === 1 ? overlay("production") : overlayWith("production", "shards"));
    const config = topologyConfig(manifests);
    strictEqual(config.EVENTS_SHARDS, shards);
    const specs = (kind: string) => ofKind(manifests, kind).map(({ spec }) => spec as Json);
    const declared = specs("Queue").map(({ name, type, durable, arguments: more }) => {
      strictEqual(durable, true);
      const bindings = specs("Binding").filter((each) => each.destination === name && each.destinationType === "queue")
        .map(({ source, routingKey: key }) => {
          const { type, durable, arguments: more } = specs("Exchange").find(({ name }) => name === source);
          strictEqual(durable, true);
          return { exchange: source, type, key, ...more && { alternate: more["alternate-exchange"] } };
        });
      return { name, bindings, arguments: { "x-queue-type": type, ...more } };
    });
    const byName = (a: { name: string }, b: { name: string }) => a.name < b.name ? -1 : 1;
    const expected = eventTopology(config).map(({ name, bindings, arguments: more }) => ({
      ...{ name, bindings, arguments: more },
    }));
    deepStrictEqual(declared.sort(byName), [...expected].sort(byName));
    deepStrictEqual([specs("Binding").length, specs("Exchange").length], [
      expected.flatMap(({ bindings }) => bindings).length,
      exchangesOf(eventTopology(config)).length,
    ]);
    const [cluster] = specs("RabbitmqCluster");
    strictEqual(cluster.replicas, 3);
    const bounded = (pattern: string) =>
      declared.filter(({ name }) => new RegExp(pattern).test(name)).map(({ name }) => name);
    const policies = specs("Policy").map(({ name, pattern, definition }) => [
      ...[name, bounded(pattern), definition["max-length-bytes"] * shards],
    ]);
    const queues = eventsQueuesOf(config);
    deepStrictEqual(policies, [["events-bound", queues, 8 * 2 ** 30]]);
    const [scaled] = specs("ScaledObject");
    const triggers = scaled.triggers.map(({ metadata: { queueName, value } }: Json) => [queueName, Number(value)]);
    deepStrictEqual(triggers, queues.map((queue) => [queue, 10_000 / shards]));
  });
}

Deno.test("RabbitMQ's users have the rights of deno task roles, also with components/shards", async () => {
  const manifests = await overlayWith("production", "shards");
  const roles = brokerRoles(topologyConfig(manifests)).filter(({ user }) => user !== "casino-provision");
  for (const { user, configure, write, read } of roles) {
    const { spec } = ofKind(manifests, "Permission").find(({ metadata }) => metadata.name === user)!;
    deepStrictEqual(spec.permissions, { configure, write, read }, user);
  }
});

Deno.test("RabbitMQ's users have the rights of deno task roles, in both overlays that create them", async () => {
  const manifests = await overlay("production");
  const roles = brokerRoles(topologyConfig(manifests));
  const rights = roles.map(({ user, configure, write, read }) => ({ user, configure, write, read }));
  const granted = ofKind(manifests, "Permission").map(({ spec }) => ({
    user: spec.userReference.name,
    ...spec.permissions,
  }));
  const scaler = { user: "casino-scaler", configure: "^$", write: "^$", read: "^$" };
  deepStrictEqual(
    new Set(granted.map((right) => JSON.stringify(right, ["user", "configure", "write", "read"]))),
    // The operator declares the topology, so casino-provision is not needed.
    new Set(
      [...rights.filter(({ user }) => user !== "casino-provision"), scaler].map((right) => JSON.stringify(right)),
    ),
  );
  const users = ofKind(manifests, "User");
  deepStrictEqual(users.map(({ metadata }) => metadata.name).sort(), granted.map(({ user }) => user).sort());
  deepStrictEqual(users.flatMap(({ spec }) => spec.tags ?? []), []);

  const { permissions } = JSON.parse(await read("overlays/development/definitions.json"));
  deepStrictEqual(permissions, rights.map((right) => ({ ...right, vhost: "/" })));
});

Deno.test("Postgres's roles equal those of deno task roles", async () => {
  const names = databaseRoles.map(({ role }) => role);
  const [cluster] = ofKind(await overlay("production"), "Cluster");
  const { managed, bootstrap } = cluster!["spec"];
  deepStrictEqual(managed.roles.map(({ name }: Json) => name), names);
  // The roles to which the first migration grants something. The migrator exists already, as the owner.
  deepStrictEqual(
    bootstrap.initdb.postInitSQL.map((statement: string) => /^create role (\w+) login$/.exec(statement)?.[1]),
    names.filter((name) => name !== bootstrap.initdb.owner),
  );
  const limits = databaseRoles.map(({ connections }) => connections);
  deepStrictEqual(managed.roles.map(({ connectionLimit }: Json) => connectionLimit), limits);
  const noLargeObjects = `revoke execute on function ${largeObjects} from public`;
  strictEqual(bootstrap.initdb.postInitApplicationSQL.at(-1), noLargeObjects);
  const sql = await read("overlays/development/roles.sql");
  match(sql, new RegExp(`\\n${noLargeObjects.replace(/[()]/g, "\\$&")};\n$`));
  deepStrictEqual(Array.from(sql.matchAll(/ connection limit (\d+);$/gm), ([, limit]) => Number(limit)), limits);
  deepStrictEqual(Array.from(sql.matchAll(/^create role (\w+) login/gm), ([, role]) => role), names);
});

Deno.test("Postgres requires certificates of the members' CA from members and its own instances", async () => {
  const manifests = await overlay("production");
  const certificates = ofKind(manifests, "Certificate").map(({ spec }) => spec as Json);
  const issuerOf = (secret: string) => certificates.find(({ secretName }) => secretName === secret)?.issuerRef.name;
  const [cluster] = ofKind(manifests, "Cluster");
  const { clientCASecret, replicationTLSSecret } = cluster!["spec"].certificates;
  const members = certificates.filter(({ secretName }) => /^(?!postgres|redis|rabbitmq).*-tls$/.test(secretName));
  ok(members.length > 0);
  for (const { secretName } of members) strictEqual(issuerOf(secretName), issuerOf(clientCASecret), secretName);
  const replication = certificates.find(({ secretName }) => secretName === replicationTLSSecret)!;
  deepStrictEqual([replication.commonName, replication.usages], ["streaming_replica", ["client auth"]]);
});

Deno.test("only the CA keeps its key at a renewal", async () => {
  const keeps = ofKind(await overlay("production"), "Certificate")
    .filter(({ spec }) => spec.privateKey.rotationPolicy !== "Always")
    .map(({ metadata, spec }) => [metadata.name, spec.privateKey.rotationPolicy]);
  deepStrictEqual(keeps, [["casino-ca", "Never"]]);
});

Deno.test("docs/kubernetes.md explains how to change each Secret, and labels those of Postgres's roles", async () => {
  const rotation = await documented("Rotation");
  const made = ["rabbitmq-default-user", "rabbitmq-erlang-cookie", "casino-ca"];
  for (const name of ["production", "external"] as const) {
    // cert-manager or the operator of the servers issues certificates.
    const secrets = [...(await documentedSecrets(name)).keys()].filter((secret) => !secret.endsWith("-tls"));
    for (const secret of [...secrets, ...made]) ok(rotation.includes(`\`${secret}\``), secret);
  }
  const commands = (await documented("Secrets")).replaceAll(/\\?\n\s*/g, " ");
  const [, labelled = ""] = /label secret cnpg\.io\/reload=true ([^`]+)/.exec(commands) ?? [];
  const [cluster] = ofKind(await overlay("production"), "Cluster");
  const secrets = cluster!["spec"].managed.roles.map(({ passwordSecret }: Json) => passwordSecret.name);
  deepStrictEqual(labelled.trim().split(/\s+/), secrets);
});

Deno.test("the PrometheusRule equals deploy/prometheus/alerts.yaml", async () => {
  const alerts = parse(await Deno.readTextFile(join(project, "deploy/prometheus/alerts.yaml")));
  for (const name of ["production", "external"] as const) {
    const [rule] = ofKind(await overlay(name), "PrometheusRule");
    deepStrictEqual(rule!["spec"], alerts);
    const monitor = ofKind(await overlay(name), "PodMonitor").find(({ metadata }) => metadata.name === "subscriber");
    match(JSON.stringify(monitor), /"replacement":"casino-subscriber"/);
  }
});
