/**
 * Schemas of RabbitMQ's operators and of the Barman Cloud plugin. No registry has them, so they are written by hand
 * after the published CRDs (rabbitmq/cluster-operator v2, rabbitmq/messaging-topology-operator v1,
 * cloudnative-pg/plugin-barman-cloud, each config/crd/bases). They contain only the fields in use: add a further field
 * of the CRDs here first.
 */
import type { Json } from "../kubernetes/manifest.ts";

const text = { type: "string", minLength: 1 };
const yes = { type: "boolean" };
const free = { type: "object" };

function object(required: Record<string, object>, optional: Record<string, object> = {}): object {
  return {
    type: "object",
    additionalProperties: false,
    required: Object.keys(required),
    properties: { ...required, ...optional },
  };
}

const named = object({ name: text });
const selected = object({ name: text, key: text });
const cluster = { rabbitmqClusterReference: object({ name: text }, { namespace: text }) };

const specs: Readonly<Record<string, object>> = {
  "rabbitmq.com/v1beta1 Queue": object({ name: text, ...cluster }, {
    vhost: text,
    type: { enum: ["classic", "quorum", "stream"] },
    durable: yes,
    autoDelete: yes,
    arguments: free,
  }),
  "rabbitmq.com/v1beta1 Exchange": object({ name: text, ...cluster }, {
    vhost: text,
    type: text,
    durable: yes,
    autoDelete: yes,
    arguments: free,
  }),
  "rabbitmq.com/v1beta1 Binding": object(cluster, {
    vhost: text,
    source: text,
    destination: text,
    destinationType: { enum: ["exchange", "queue"] },
    routingKey: { type: "string" },
    arguments: free,
  }),
  "rabbitmq.com/v1beta1 User": object(cluster, {
    tags: { type: "array", items: { enum: ["management", "policymaker", "monitoring", "administrator"] } },
    importCredentialsSecret: named,
  }),
  "rabbitmq.com/v1beta1 Permission": object({
    vhost: text,
    permissions: object({}, { configure: { type: "string" }, write: { type: "string" }, read: { type: "string" } }),
    ...cluster,
  }, { user: text, userReference: named }),
  "rabbitmq.com/v1beta1 Policy": object({ name: text, pattern: text, definition: free, ...cluster }, {
    vhost: text,
    priority: { type: "integer" },
    applyTo: { enum: ["queues", "classic_queues", "quorum_queues", "exchanges", "all"] },
  }),
  "rabbitmq.com/v1beta1 RabbitmqCluster": object({}, {
    replicas: { type: "integer", minimum: 0 },
    image: text,
    resources: free,
    persistence: object({}, { storage: text, storageClassName: text }),
    terminationGracePeriodSeconds: { type: "integer", minimum: 0 },
    tls: object({}, { secretName: text, caSecretName: text, disableNonTLSListeners: yes }),
    rabbitmq: object({}, { additionalConfig: text, additionalPlugins: { type: "array", items: text } }),
    override: object({}, { statefulSet: object({ spec: object({ template: object({ spec: free }) }) }) }),
  }),
  "barmancloud.cnpg.io/v1 ObjectStore": object({
    configuration: object({ destinationPath: text }, {
      endpointURL: text,
      s3Credentials: object({}, { accessKeyId: selected, secretAccessKey: selected, region: selected }),
      wal: object({}, {
        compression: { enum: ["bzip2", "gzip", "lz4", "snappy", "xz", "zstd"] },
        maxParallel: { type: "integer", minimum: 1 },
      }),
      data: object({}, { compression: { enum: ["bzip2", "gzip", "snappy"] }, jobs: { type: "integer", minimum: 1 } }),
    }),
  }, { retentionPolicy: { type: "string", pattern: "^[1-9][0-9]*[dwm]$" } }),
};

/** Schemas of whole objects, by API version and kind. */
export const operatorSchemas: ReadonlyMap<string, object> = new Map(
  Object.entries(specs).map(([type, spec]) => [type, object({ apiVersion: text, kind: text, metadata: free, spec })]),
);

/**
 * Returns the pod spec in a RabbitmqCluster that its CRD takes from Kubernetes, as a pod. The operator creates the
 * rest.
 */
export function podOfBroker({ spec = {} }: Json): object {
  const pod = spec.override?.statefulSet?.spec?.template?.spec ?? {};
  const containers = [...pod.containers ?? [], { name: "resources", resources: spec.resources }];
  return { apiVersion: "v1", kind: "Pod", spec: { ...pod, containers } };
}
