/** Objects as they are sent to the API server, and helpers to read them. */

// deno-lint-ignore no-explicit-any -- schemas.ts validates its content
export type Json = any;

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Labels; readonly annotations?: Labels };
  readonly [field: string]: Json;
}

export type Labels = Readonly<Record<string, string>>;

/** An object that creates pods: Deployment, StatefulSet, Job or CronJob. Operators' pods are not included. */
export interface Workload {
  readonly manifest: Manifest;
  /** `Deployment/subscriber` */
  readonly id: string;
  readonly labels: Labels;
  readonly pod: Json;
  /** The long-running containers, without init containers. */
  readonly containers: readonly Json[];
  readonly all: readonly Json[];
}

const endingKinds = ["Job", "CronJob"];

/** Returns whether its pods exit when their work is done: there is one at a time, without probes. */
export function ends({ manifest }: Workload): boolean {
  return endingKinds.includes(manifest.kind);
}

export function workloadsOf(manifests: readonly Manifest[]): Workload[] {
  return manifests.filter(({ kind }) => ["Deployment", "StatefulSet", ...endingKinds].includes(kind)).map(
    (manifest) => {
      const { template, jobTemplate } = manifest["spec"];
      const { metadata, spec: pod } = template ?? jobTemplate.spec.template;
      const containers = pod.containers as Json[];
      const all = [...pod.initContainers ?? [], ...containers] as Json[];
      return { manifest, id: idOf(manifest), labels: metadata.labels ?? {}, pod, containers, all };
    },
  );
}

export function idOf({ kind, metadata }: Manifest): string {
  return `${kind}/${metadata.name}`;
}

export function ofKind(manifests: readonly Manifest[], kind: string): Manifest[] {
  return manifests.filter((manifest) => manifest.kind === kind);
}

/** Supports matchLabels only; an empty selector matches everything. */
export function matches(selector: Json, labels: Labels): boolean {
  if (selector?.matchExpressions) throw new Error("matchExpressions are not understood here");
  return Object.entries(selector?.matchLabels ?? {}).every(([name, value]) => labels[name] === value);
}

/** Returns every environment variable of a container that has a literal value, including those of its ConfigMaps. */
export function environmentOf(container: Json, manifests: readonly Manifest[]): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const { configMapRef } of container.envFrom ?? []) {
    const map = ofKind(manifests, "ConfigMap").find(({ metadata }) => metadata.name === configMapRef?.name);
    Object.assign(environment, map?.["data"] ?? {});
  }
  for (const { name, value = "" } of container.env ?? []) environment[name] = value;
  return environment;
}

/** Replaces `$(NAME)` in commands and arguments as the kubelet does. */
export function argumentsOf(container: Json, manifests: readonly Manifest[]): string[] {
  const environment = environmentOf(container, manifests);
  return [...container.command ?? [], ...container.args ?? []].map((text: string) =>
    text.replace(/\$\(([A-Z_]+)\)/g, (all, name) => environment[name] ?? all)
  );
}

export interface Started {
  readonly container: Json;
  readonly workload: Workload;
  /** The command line. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Calls `faults` for each container, including init containers.
 * @returns the faults, with the names of workload and container
 */
export function faultsOfContainers(
  manifests: readonly Manifest[],
  faultsOf: (started: Started) => readonly string[],
): string[] {
  return workloadsOf(manifests).flatMap((workload) =>
    workload.all.flatMap((container) => {
      const args = argumentsOf(container, manifests);
      const environment = environmentOf(container, manifests);
      return faultsOf({ container, workload, args, environment })
        .map((fault) => `${workload.id}: ${container.name} ${fault}`);
    })
  );
}
